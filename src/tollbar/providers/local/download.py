"""Brings one file onto the disk, whole and checked, however often the connection or the process dies on the way.

What has come is kept in a partial file whose name holds the checksum that is expected, so that a later download of the
same bytes goes on where this one ended, and one of other bytes never mixes with it. The file gets its name only when
its size and checksum are right; a partial file with the wrong checksum is removed. Whoever calls holds the model's
lock.
"""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tollbar.domain.errors import Conflict, UpstreamError, UpstreamFailed
from tollbar.domain.local_models import Progress, PullState, RemoteFile
from tollbar.ports.clock import Clock
from tollbar.providers.local.hub import Body

PARTIAL = ".partial"
PIECE_BYTES = 1 << 20
MOMENT_SECONDS = 0.25
TRIES = 6
"""How often in a row a connection may bring nothing before a download gives up."""
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0

Opener = Callable[[int], AbstractAsyncContextManager[Body]]
Tell = Callable[[Progress], None]


def partial_path(folder: Path, file: RemoteFile) -> Path:
    """Where the bytes of a file wait until they are all there."""
    return folder / f".{file.name}.{file.checksum[:16] or file.size_bytes}{PARTIAL}"


def bytes_here(folder: Path, file: RemoteFile) -> int:
    """How much of a file is on this disk."""
    found = max(_size_of(folder / file.name), _size_of(partial_path(folder, file)))
    return min(found, file.size_bytes)


class Download:
    """One file on its way. `open_from` gives the bytes from a place on; `tell` hears how many are here."""

    def __init__(self, file: RemoteFile, folder: Path, open_from: Opener, clock: Clock, tell: Tell) -> None:
        self._file = file
        self._folder = folder
        self._partial = partial_path(folder, file)
        self._open_from = open_from
        self._clock = clock
        self._tell = tell
        self._size = 0
        self._digest = _digest_for(file)

    async def run(self) -> Path:
        """The file, complete; raises UpstreamError, or Conflict when the disk is full."""
        target = self._folder / self._file.name
        try:
            if await self._is_right(target):  # of several files the others were missing, or the model was taken away
                return target
            self._folder.mkdir(parents=True, exist_ok=True)
            await self._resume()
            await self._bring()
            self._check()
            await asyncio.to_thread(_flush, self._partial)
            self._partial.replace(target)
        except OSError as fault:
            raise _disk_fault(fault, self._folder) from fault
        return target

    async def _is_right(self, target: Path) -> bool:
        """Whether the file is here already, under its name and with its checksum."""
        if not self._file.checksum or _size_of(target) != self._file.size_bytes:
            return False
        await self._read(target)
        is_right = self._digest.hexdigest() == self._file.checksum
        self._size, self._digest = 0, _digest_for(self._file)
        return is_right

    async def _resume(self) -> None:
        """Reads what an earlier download left, so that the checksum covers it."""
        self._partial.touch()
        if self._partial.stat().st_size > self._file.size_bytes:
            self._begin_anew()
        await self._read(self._partial)

    async def _read(self, path: Path) -> None:
        with path.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, 8 * PIECE_BYTES):
                await asyncio.to_thread(self._digest.update, piece)
                self._size += len(piece)
                self._say(PullState.CHECKING)

    async def _bring(self) -> None:
        """Fetches the rest, in as many connections as it takes."""
        failures, wait = 0, FIRST_WAIT_SECONDS
        while self._size < self._file.size_bytes:
            before = self._size
            try:
                await self._fetch()
                if self._size < self._file.size_bytes:
                    raise UpstreamFailed("The file ended early.", is_retryable=True)
            except UpstreamError as fault:
                if self._size > before:
                    failures, wait = 0, FIRST_WAIT_SECONDS
                failures += 1
                if not fault.is_retryable or failures >= TRIES:
                    raise
                await self._clock.sleep(min(fault.retry_after_seconds or wait, LONGEST_WAIT_SECONDS))
                wait *= 2

    async def _fetch(self) -> None:
        """One connection's worth of bytes."""
        async with self._open_from(self._size) as body:
            if body.start != self._size:  # a host without ranges sends everything
                self._begin_anew()
            with self._partial.open("ab") as file:
                try:
                    async for piece in _gathered(body.pieces, self._clock):
                        await asyncio.to_thread(file.write, piece)
                        await asyncio.to_thread(self._digest.update, piece)
                        self._size += len(piece)
                        self._say(PullState.DOWNLOADING)
                        if self._size > self._file.size_bytes:
                            return
                finally:
                    await asyncio.to_thread(file.flush)

    def _check(self) -> None:
        """Refuses, and removes, what is not the file that the hub described."""
        expected = self._file.checksum
        if self._size == self._file.size_bytes and expected in ("", self._digest.hexdigest()):
            return
        self._partial.unlink()
        what = "its checksum is not" if self._size == self._file.size_bytes else "its size is not"
        raise UpstreamFailed(
            f"{self._file.name} was removed: {what} what the hub says it is.",
            hint="Pull it again; if that repeats, something on the way changes it.",
        )

    def _begin_anew(self) -> None:
        self._partial.write_bytes(b"")
        self._size, self._digest = 0, _digest_for(self._file)

    def _say(self, state: PullState) -> None:
        self._tell(Progress(state, self._size, self._file.size_bytes))


async def _gathered(pieces: AsyncIterator[bytes], clock: Clock) -> AsyncIterator[bytes]:
    """The same bytes in fewer pieces, since each is handed to a thread; at least one each moment.

    What came before a break is given before it.
    """
    waiting, given_at = bytearray(), clock.monotonic()
    try:
        async for piece in pieces:
            waiting += piece
            if len(waiting) >= PIECE_BYTES or clock.monotonic() - given_at >= MOMENT_SECONDS:
                yield bytes(waiting)
                waiting, given_at = bytearray(), clock.monotonic()
    except UpstreamError:
        if waiting:
            yield bytes(waiting)
        raise
    if waiting:
        yield bytes(waiting)


def _flush(path: Path) -> None:
    """Has the disk keep a file, so that its name never stands for less than it, also after a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _digest_for(file: RemoteFile) -> "hashlib._Hash":
    """What will say whether the bytes are right: SHA-256, or git's own checksum, which covers a small head too."""
    if file.sha256 or not file.blob_id:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)


def _disk_fault(fault: OSError, folder: Path) -> Conflict:
    if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
        hint = "Make room and pull again: it goes on where it stopped."
        return Conflict(f"The disk of {folder} is full.", hint=hint)
    return Conflict(f"{folder} cannot be written to: {fault.strerror or fault}.")
