"""The file of the log: whole lines, none lost, whoever rotates it; and what becomes of it when it cannot be written."""

import errno
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tollbar.logfile import LOOK_SECONDS, LogFile

MOST = 4_096
WRITER = """
import sys
from pathlib import Path
from tollbar.logfile import LogFile
path, name, count, most = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
said = []
file = LogFile(path, most, 900, said.append)
for number in range(count):
    file.append(f"{name} {number:06d} {'x' * (number * 7 % 300)}.\\n".encode())
assert said == [], said
"""


def whole(path: Path) -> list[bytes]:
    """The lines of a file and of those that it was renamed to, the oldest first."""
    names = [path, *path.parent.glob(f"{path.name}.*")]
    earliest = sorted(names, key=lambda each: int(each.suffix[1:]) if each != path else 0, reverse=True)
    return b"".join(each.read_bytes() for each in earliest if each.exists()).splitlines(keepends=True)


@contextmanager
def a_file(path: Path, max_bytes: int = MOST, keep: int = 3) -> Iterator[tuple[LogFile, list[str]]]:
    """The file, and what it tells."""
    said: list[str] = []
    file = LogFile(path, max_bytes, keep, said.append)
    try:
        yield file, said
    finally:
        file.close()


def test_lines_are_added_to_what_is_there(tmp_path: Path) -> None:
    """A restart goes on with the file; it is for its owner alone to read."""
    path = tmp_path / "app.log"
    for line in (b"one\n", b"two\n"):
        with a_file(path) as (file, said):
            file.append(line)
        assert said == []
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_file_is_followed_by_another(tmp_path: Path) -> None:
    """None is larger than allowed, as many are kept as were asked for, and their lines are in order."""
    path = tmp_path / "app.log"
    lines = [b"%05d %s\n" % (number, b"x" * (number % 90)) for number in range(1_000)]
    with a_file(path, keep=3) as (file, said):
        for line in lines:
            file.append(line)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["app.log", "app.log.1", "app.log.2", "app.log.3"]
    assert max(each.stat().st_size for each in tmp_path.iterdir()) <= MOST
    kept = whole(path)
    assert kept == lines[-len(kept) :]
    assert said == []


def test_a_line_larger_than_the_file_may_be_is_written_all_the_same(tmp_path: Path) -> None:
    """It has a file of its own."""
    path = tmp_path / "app.log"
    with a_file(path) as (file, _):
        for line in (b"small\n", b"x" * 9_000 + b"\n", b"last\n"):
            file.append(line)
    assert [each.read_bytes()[:5] for each in (path, tmp_path / "app.log.1", tmp_path / "app.log.2")] == [
        b"last\n",
        b"xxxxx",
        b"small",
    ]


def test_several_processes_share_a_file(tmp_path: Path) -> None:
    """Each line of each is there once and whole, though the file was renamed again and again meanwhile."""
    path, count = tmp_path / "app.log", 4_000
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, str(count), "16384"]) for name in "abc"]
    assert [writer.wait(40) for writer in writers] == [0, 0, 0]
    lines = whole(path)
    assert [line for line in lines if not re.fullmatch(rb"[abc] \d{6} x*\.\n", line)] == []
    counted = Counter(line[:8] for line in lines)
    assert set(counted.values()) == {1}
    assert len(counted) == 3 * count
    assert len(list(tmp_path.iterdir())) > 1  # how many depends on how the three take turns


def test_threads_share_a_file(tmp_path: Path) -> None:
    """What a library says in a thread of its own is not mixed into another line."""
    path = tmp_path / "app.log"
    with a_file(path, keep=900) as (file, _):

        def write(name: str) -> None:
            for number in range(500):
                file.append(f"{name} {number:04d} {'y' * 80}\n".encode())

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    expected = Counter(f"{name} {number:04d}".encode() for name in "abcd" for number in range(500))
    assert Counter(line[:6] for line in whole(path)) == expected


def test_a_file_that_somebody_else_renames_is_begun_anew(tmp_path: Path) -> None:
    """As logrotate does; what comes within a second is in the renamed one."""
    path = tmp_path / "app.log"
    with a_file(path) as (file, said):
        file.append(b"one\n")
        path.rename(tmp_path / "moved")
        file.append(b"two\n")
        time.sleep(LOOK_SECONDS)
        file.append(b"three\n")
    assert (tmp_path / "moved").read_bytes() == b"one\ntwo\n"
    assert path.read_bytes() == b"three\n"
    assert said == []


def test_a_file_that_cannot_be_had_is_told_once_and_tried_again(tmp_path: Path) -> None:
    """Calls go on; when the folder is there at last, the file says how many lines it lacks."""
    path = tmp_path / "later" / "app.log"
    with a_file(path) as (file, said):
        for _ in range(5):
            file.append(b"lost\n")
        assert said == [f"{path} cannot be written to: No such file or directory. The log goes on without it."]
        path.parent.mkdir()
        time.sleep(LOOK_SECONDS)
        file.append(b"found\n")
    assert path.read_bytes() == b"found\n"
    assert said[1:] == [f"{path} can be written to again; 5 lines are not in it."]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_told(tmp_path: Path, make: object) -> None:
    """A directory, or a pipe that nobody reads, neither stops nor blocks."""
    path = tmp_path / "app.log"
    make(path)  # type: ignore[operator]
    with a_file(path) as (file, said):
        file.append(b"line\n")
    assert len(said) == 1


def test_what_tells_may_write_a_line_itself(tmp_path: Path) -> None:
    """The warning goes to the log, and so to this file: that ends, and the file works afterwards."""
    path, said = tmp_path / "later" / "app.log", []

    def tell(text: str) -> None:
        said.append(text)
        file.append(b"warning\n")

    file = LogFile(path, MOST, 3, tell)
    file.append(b"lost\n")
    path.parent.mkdir()
    time.sleep(LOOK_SECONDS)
    file.append(b"found\n")
    file.close()
    assert len(said) == 2
    assert path.read_bytes() == b"warning\nfound\n"


@contextmanager
def full_disk(bytes_left: int) -> Iterator[None]:
    """Within, no file can grow beyond so many bytes, as on a disk that is full: the rest of a write is refused."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_stops_nobody(tmp_path: Path) -> None:
    """It is told once; a line that was cut there does not swallow the next one that fits."""
    path = tmp_path / "app.log"
    with a_file(path, max_bytes=1 << 20) as (file, said):
        with full_disk(18):
            for number in range(50):
                file.append(b"line %04d\n" % number)
        assert [os.strerror(errno.EFBIG) in text for text in said] == [True]
        time.sleep(LOOK_SECONDS)
        file.append(b"again\n")
    assert path.read_bytes() == b"line 0000\nline 000\nagain\n"
    assert said[1:] == [f"{path} can be written to again; 49 lines are not in it."]


def test_a_rename_that_is_refused_costs_no_line(tmp_path: Path) -> None:
    """Then the file grows beyond its size."""
    path = tmp_path / "app.log"
    (tmp_path / "app.log.1").mkdir()
    with a_file(path, keep=1) as (file, said):
        for number in range(1_000):
            file.append(b"%06d\n" % number)
    assert path.read_bytes() == b"".join(b"%06d\n" % number for number in range(1_000))
    assert said == []


class Overtaken(LogFile):
    """A file that somebody else rotates just after this process has looked at it."""

    def __init__(self, path: Path, overtake: Callable[[], None]) -> None:
        super().__init__(path, MOST, 9, print)
        self._left = [overtake]

    def _is_current(self) -> bool:
        was_current = super()._is_current()
        if self._left:
            self._left.pop()()
        return was_current


def test_two_who_find_the_file_full_rename_it_once(tmp_path: Path) -> None:
    """Who comes second sees that it was done, and does not put away the new file, which is nearly empty."""
    path = tmp_path / "app.log"
    with a_file(path) as (first, said):
        second = Overtaken(path, lambda: first.append(b"first" * 20 + b"\n"))
        second.append(b"x" * (MOST - 50) + b"\n")
        second.append(b"second" * 20 + b"\n")
    second.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["app.log", "app.log.1"]
    assert path.read_bytes() == b"first" * 20 + b"\n" + b"second" * 20 + b"\n"
    assert said == []
