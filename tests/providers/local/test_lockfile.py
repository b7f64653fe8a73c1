"""The lock that processes share through a file."""

import signal
import subprocess
import sys
from pathlib import Path

from tollbar.providers.local.lockfile import LockFile

HOLDER = """
import sys
from pathlib import Path
from tollbar.providers.local.lockfile import LockFile
print(LockFile(Path(sys.argv[1])).take(), flush=True)
sys.stdin.read()
"""


def test_one_of_two_has_it(tmp_path: Path) -> None:
    """Whoever comes second is refused at once, and gets it when the first is done."""
    path = tmp_path / "models" / ".tiny.lock"
    with LockFile(path) as first, LockFile(path) as second:
        assert (first.take(), first.take(), second.take()) == (True, True, False)
        with first:
            pass
        assert second.take()


def test_it_dies_with_its_holder(tmp_path: Path) -> None:
    """A process that was killed holds nothing."""
    path = tmp_path / ".tiny.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        if holder.stdout is None:
            raise RuntimeError("no pipe")
        assert holder.stdout.readline().strip() == "True"
        with LockFile(path) as mine:
            assert not mine.take()
            holder.send_signal(signal.SIGKILL)
            holder.wait()
            assert mine.take()
