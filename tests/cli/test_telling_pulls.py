"""How a pull is told."""

import io
import json
import sys

import pytest

from tollbar.cli.telling_pulls import Bar, JsonLines, size
from tollbar.domain.local_models import Progress, PullState


@pytest.mark.parametrize(("count", "text"), [(668_788_096, "669 MB"), (2_500_000_000, "2.5 GB"), (0, "0 MB")])
def test_a_size_is_told_as_hubs_do(count: int, text: str) -> None:
    """In thousands."""
    assert size(count) == text


def test_lines_do_not_flood(capsys: pytest.CaptureFixture[str]) -> None:
    """A change of state is told at once, a change of the number a few times a second."""
    lines = JsonLines("tiny")
    for done in range(1_000):
        lines.tell(Progress(PullState.DOWNLOADING, done, 1_000))
    lines.tell(Progress(PullState.DONE, 1_000, 1_000))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(told) < 10
    assert told[0] == {"state": "downloading", "model": "tiny", "done_bytes": 0, "total_bytes": 1_000}
    assert told[-1]["state"] == "done"


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the state in words and how much of how much."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with Bar("tiny") as bar:
        bar.tell(Progress(PullState.WAITING, 0, 0))
        bar.tell(Progress(PullState.DOWNLOADING, 500_000_000, 1_000_000_000))
    assert "fetching" in screen.getvalue()
    assert "0.5/1.0" in screen.getvalue().replace("500.0 MB", "0.5")


def test_a_file_gets_none(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody looks, nothing is drawn."""
    with Bar("tiny") as bar:
        bar.tell(Progress(PullState.DOWNLOADING, 1, 2))
    assert capsys.readouterr().err == ""
