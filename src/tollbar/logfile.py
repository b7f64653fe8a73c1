"""A file that lines are appended to, and that is followed by another when it is full.

Guarantees: a line is one write at the end of the file, so that several processes may share it and no line is torn; none
is lost or doubled when the file is rotated, by whichever of them. Whoever finds it full renames it, under a lock that
nobody waits for; the others notice within a second, and what they write until then is in the renamed one. A file that
cannot be written to is told of once and tried again each second: nothing here raises, and nobody waits.
"""

import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from os import write
from pathlib import Path
from time import monotonic

try:
    import fcntl
except ImportError:  # Windows: one process to a file
    fcntl = None  # type: ignore[assignment]

LOOK_SECONDS = 1.0
"""How long a line may still go to a file that another process, or a tool such as logrotate, has renamed."""
BUSY_SECONDS = 0.01
"""When to look again at a file that another process is renaming, which is done by then."""
# A pipe that nobody reads is refused instead of waited for; files do not care.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_MODE = 0o600


class LogFile:
    """One process's hold on the file.

    `max_bytes` is what a file holds before it becomes `NAME.1`, and that one `NAME.2`, up to `keep` of them; only what
    other processes wrote within a second may come on top. `tell` is told, in a sentence, when the file fails and when
    it works again.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int, tell: Callable[[str], None]) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._tell = tell
        self._lock = threading.RLock()  # a descriptor that is closed must not be written to: its number is given again
        self._descriptor = -1
        self._size = 0
        self._look_at = 0.0
        self._lost = 0
        self._has_failed = False
        self._is_torn = False

    def append(self, line: bytes) -> None:
        """Adds a line, which ends in a newline."""
        size = len(line)
        with self._lock:
            now = monotonic()
            if now >= self._look_at or self._size + size > self._max_bytes:
                self._look(now, size)
            if self._descriptor < 0:
                self._lost += 1
                return
            try:
                written = write(self._descriptor, line)
            except OSError as fault:
                self._lost += 1
                self._fail(fault, now)
                return
            self._size += written
            if written < size:
                self._finish(line[written:], now)

    def close(self) -> None:
        """Lets go of the file; a line that comes later opens it again."""
        with self._lock:
            self._let_go()
            self._look_at = 0.0

    def _look(self, now: float, more_bytes: int) -> None:
        """Sees to it that the descriptor is that of the file's name, and that the file has room for so many bytes."""
        self._look_at = now + LOOK_SECONDS
        try:
            if self._descriptor < 0 or not self._is_current():
                self._open()
            held = os.fstat(self._descriptor)
            self._size = held.st_size
            if self._size and self._size + more_bytes > self._max_bytes and stat.S_ISREG(held.st_mode):
                self._rotate()
            self._recover()
        except OSError as fault:
            self._fail(fault, now)

    def _is_current(self) -> bool:
        """Whether the file that is open still has the file's name."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _open(self) -> None:
        descriptor = os.open(self._path, _FLAGS, _MODE)
        self._let_go()
        self._descriptor = descriptor

    def _rotate(self) -> None:
        """Renames the file and begins another, unless somebody else is about it, or a rename is refused."""
        if fcntl is not None:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # another process renames it now, or this file system has no locks
                self._size = 0
                self._look_at = monotonic() + BUSY_SECONDS
                return
            if not self._is_current():  # it did so between our look and our lock
                self._open()
                return
        else:
            self._let_go()  # an open file has no other name there
        try:
            for number in range(self._keep - 1, 0, -1):
                with suppress(FileNotFoundError):
                    self._numbered(number).replace(self._numbered(number + 1))
            self._path.replace(self._numbered(1))
        except OSError:
            # Better a file that is too large than no log. It is tried again at the next look.
            self._size = 0
            if fcntl is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
                return
        self._open()
        self._size = os.fstat(self._descriptor).st_size

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _finish(self, rest: bytes, now: float) -> None:
        """Writes what a full disk left over of a line; if that fails, the next line begins on one of its own."""
        try:
            self._size += write(self._descriptor, rest)
        except OSError as fault:
            self._is_torn = True
            self._lost += 1
            self._fail(fault, now)

    def _fail(self, fault: OSError, now: float) -> None:
        self._let_go()
        self._size = 0
        self._look_at = now + LOOK_SECONDS
        if not self._has_failed:
            self._has_failed = True
            self._tell(f"{self._path} cannot be written to: {fault.strerror}. The log goes on without it.")

    def _recover(self) -> None:
        if self._has_failed:
            if self._is_torn:
                write(self._descriptor, b"\n")
            lost, self._lost = self._lost, 0
            self._has_failed = self._is_torn = False
            self._tell(f"{self._path} can be written to again; {lost} lines are not in it.")

    def _let_go(self) -> None:
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1
