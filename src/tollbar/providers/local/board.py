"""The port `PullBoard` as a folder: a file for each process that pulls, and a lock that it holds as long as it lives.

A file whose lock nobody holds is that of a process that is gone, and is removed by whoever sees it first.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from tollbar.domain.local_models import PullNote
from tollbar.providers.local.lockfile import LockFile

NOTES = ".json"
LOCK = ".lock"
WISH = ".end"


class Board:
    """The board, as one process sees it; nothing is on the disk before it has pulled something."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = folder / f"{secrets.token_hex(8)}{NOTES}"
        self._lock = LockFile(self._own.with_suffix(LOCK))

    def put(self, notes: Sequence[PullNote]) -> None:
        """These are the pulls of this process."""
        temporary = self._own.with_suffix(".new")
        with suppress(OSError):  # a full disk is told by the pull itself
            self._lock.take()
            temporary.write_bytes(msgspec.json.encode(notes))
            temporary.replace(self._own)

    def others(self) -> Sequence[PullNote]:
        """The pulls of the other processes that live."""
        found: list[PullNote] = []
        for file in sorted(self._folder.glob(f"*{NOTES}")):
            if file != self._own and not _is_left_behind(file):
                with suppress(OSError, msgspec.MsgspecError):  # it may have ended just now
                    found += msgspec.json.decode(file.read_bytes(), type=list[PullNote])
        return found

    def wish_end(self, pull_id: str) -> None:
        """That pull of another process is not wanted any more; raises OSError when the disk takes no file."""
        self._wish(pull_id).touch()

    def take_wish(self, pull_id: str) -> bool:
        """Whether that was wished of a pull; afterwards it is not any more. A disk that does not say ends nothing."""
        try:
            self._wish(pull_id).unlink()
        except OSError:
            return False
        return True

    def _wish(self, pull_id: str) -> Path:
        return self._folder / f"{pull_id}{WISH}"

    def close(self) -> None:
        """Takes the notes of this process away."""
        self._own.unlink(missing_ok=True)
        self._own.with_suffix(LOCK).unlink(missing_ok=True)
        self._lock.__exit__(None, None, None)


def _is_left_behind(file: Path) -> bool:
    """Whether a file is that of a process that is no more; then it is removed."""
    path = file.with_suffix(LOCK)
    with suppress(OSError), LockFile(path) as lock:
        if not lock.take():
            return False
        file.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    return True
