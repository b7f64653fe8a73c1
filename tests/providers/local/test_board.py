"""What processes tell each other of their pulls."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tollbar.domain.local_models import Progress, PullFault, PullNote, PullPlan, PullState, RemoteFile
from tollbar.providers.local.board import Board

PLAN = PullPlan("tiny", "lab/tiny", "hub", files=(RemoteFile("tiny.gguf", 100, "0" * 64),), size_bytes=100)
NOTE = PullNote("pull_1", PLAN, Progress(PullState.DOWNLOADING, 40, 100), datetime(2026, 1, 2, tzinfo=UTC))
DYING = """
import sys
from pathlib import Path
from tests.providers.local.test_board import NOTE
from tollbar.providers.local.board import Board
Board(Path(sys.argv[1])).put([NOTE])
"""


def test_each_sees_the_pulls_of_the_others(tmp_path: Path) -> None:
    """As they were put last, and not its own; none is left when a process ends well."""
    one, other = Board(tmp_path / "pulls"), Board(tmp_path / "pulls")
    assert (one.others(), (tmp_path / "pulls").exists()) == ([], False)
    one.put([NOTE])
    assert (one.others(), other.others()) == ([], [NOTE])
    failed = replace(NOTE, progress=Progress(PullState.FAILED, 40, 100), fault=PullFault("internal_error", "No.", ""))
    one.put([failed])
    other.put([NOTE])
    assert (one.others(), other.others()) == ([NOTE], [failed])
    one.close()
    other.close()
    assert list((tmp_path / "pulls").iterdir()) == []


def test_a_wish_is_taken_once(tmp_path: Path) -> None:
    """Whoever left it, it is there for whoever looks, and then gone."""
    one, other = Board(tmp_path / "pulls"), Board(tmp_path / "pulls")
    assert not one.take_wish("pull_1")
    one.put([NOTE])
    other.wish_end("pull_1")
    assert (one.others(), one.take_wish("pull_1"), one.take_wish("pull_1")) == ([], True, False)
    one.close()


def test_who_died_is_forgotten(tmp_path: Path) -> None:
    """The notes of a process that was killed are removed by who sees them; a file that is none of ours says nothing."""
    subprocess.run([sys.executable, "-c", DYING, tmp_path], check=True, timeout=60)
    assert len(list(tmp_path.iterdir())) == 2
    board = Board(tmp_path)
    assert board.others() == []
    assert list(tmp_path.iterdir()) == []
    other = Board(tmp_path)
    other.put([NOTE])
    next(tmp_path.glob("*.json")).write_text("{")
    assert board.others() == []
    other.close()


def test_a_disk_that_does_not_say_ends_nothing(tmp_path: Path) -> None:
    """Who looks for a wish looks again; the pull goes on meanwhile."""
    (tmp_path / "pulls").write_text("no folder")
    assert not Board(tmp_path / "pulls").take_wish("pull_1")
