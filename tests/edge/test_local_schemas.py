"""What is told of local models."""

from pathlib import Path

from tests.admin.pulling import MODEL
from tests.fakes import FakeClock
from tollbar.admin.pulls import Pull
from tollbar.domain.local_models import Progress, PullFault, PullPlan, PullState
from tollbar.edge.local_schemas import LocalModelView, PullView


def test_no_path_is_told() -> None:
    """Where a model lies on the disk is nobody's affair elsewhere."""
    told = LocalModelView.of(MODEL).model_dump_json()
    assert str(Path(MODEL.path)) not in told.replace('"file":"tiny.gguf"', "")


def test_a_pull_tells_why_it_failed() -> None:
    """And nothing of that while it goes on."""
    pull = Pull("pull_1", PullPlan("tiny", "lab/tiny", "hub"), Progress(PullState.WAITING, 1, 2), FakeClock().now())
    assert PullView.of(pull).error is None
    pull.fault = PullFault("conflict", "Full.", "Make room.")
    fault = PullView.of(pull).error
    assert fault is not None
    assert (fault.code, fault.message, fault.hint) == ("conflict", "Full.", "Make room.")
