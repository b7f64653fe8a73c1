"""How responses are kept, as it is set."""

from pathlib import Path

from tests.settings.making import KNOWN
from tollbar.settings import load


def test_they_are_kept_for_a_month(tmp_path: Path) -> None:
    """Unless it is set otherwise; 0 keeps none."""
    responses = load({}, {}, KNOWN, tmp_path).responses
    assert (responses.keep_days, responses.max_bytes, responses.max_bytes_per_key) == (30, 4 * 2**20, 2**30)
    (tmp_path / "tollbar.yaml").write_text("responses: {keep_days: 0}")
    assert load({}, {}, KNOWN, tmp_path).responses.keep_days == 0
