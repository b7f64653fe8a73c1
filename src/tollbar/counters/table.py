"""A table in files that several processes of one machine have mapped at once: what `shared.py` counts in.

Each shard is a file of slots of a fixed size, and its `flock` is the right to look into it. A process that dies lets go
of its locks, and may leave a slot half written: the slot's sequence number is odd then, and whoever finds it so adds it
up anew. Files in memory (`/dev/shm`) cost no disk; nothing of this outlives the server that made it.
"""

import fcntl
import hashlib
import mmap
import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

CELL = 8
RING = 61
"""Amounts of a slot: a bucket each (60 of a window, and the one that is being filled), or a worker each."""
SEQUENCE, FIRST, SECOND, WINDOW, NEWEST, TOTAL, AMOUNTS = range(7)
SLOT = AMOUNTS + RING
"""Cells of a slot: what comes before its amounts says whose they are, and how far they are counted."""
PROBES = 16
"""So many neighbouring slots may hold a key; when all are taken, one of them has to go."""


class Key(NamedTuple):
    """What a slot is for, as two numbers that never are both 0."""

    first: int
    second: int


def key_of(text: str, salt: bytes) -> Key:
    """The key of a text; who does not know the salt cannot make texts whose slots lie together."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=salt).digest()
    return Key(int.from_bytes(digest[:8], "little") >> 1, int.from_bytes(digest[8:], "little") >> 1 | 1)


class Shard:
    """One file of slots. All but `open` want its lock."""

    def __init__(self, path: Path, slots: int) -> None:
        size = slots * SLOT * CELL
        self.name = path.name
        self._slots = slots
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(self.descriptor, size)  # to the size that it has already, if another process was first
            self._map = mmap.mmap(self.descriptor, size)
        except BaseException:
            os.close(self.descriptor)
            raise
        self.cells = memoryview(self._map).cast("q")

    def lock(self) -> None:
        """Waits for the right to look; whoever has it needs it for microseconds."""
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)

    def unlock(self) -> None:
        """Lets the next one look."""
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Lets go of the file."""
        self.cells.release()
        self._map.close()
        os.close(self.descriptor)

    def find(self, key: Key, window: int, now: float, kept: Collection[int]) -> int:
        """Where the slot of a key begins, made if there is none; those that begin where `kept` says stay."""
        cells = self.cells
        place = key.second % self._slots
        for number in range(place, place + PROBES):
            slot = number % self._slots * SLOT
            if cells[slot + SECOND] == key.second and cells[slot + FIRST] == key.first:
                if cells[slot] & 1:
                    self._mend(slot)
                return slot
            if not cells[slot + SECOND]:
                break
        else:
            others = (number % self._slots * SLOT for number in range(place, place + PROBES))
            slot = min((other for other in others if other not in kept), key=lambda other: self._worth(other, now))
        self._make(slot, key, window)
        return slot

    def begin(self, slot: int) -> None:
        """A write begins: until `end` the slot cannot be trusted."""
        self.cells[slot] |= 1

    def end(self, slot: int) -> None:
        """The write is whole."""
        self.cells[slot] += 1

    def slots(self) -> list[int]:
        """Where the slots begin that are in use."""
        return [number * SLOT for number, second in enumerate(self.cells[SECOND::SLOT].tolist()) if second]

    def _mend(self, slot: int) -> None:
        """Its writer died in the middle: the amounts are what was written, and their sum is made again."""
        cells = self.cells
        cells[slot + TOTAL] = sum(cells[slot + AMOUNTS : slot + SLOT])
        self.end(slot)

    def _make(self, slot: int, key: Key, window: int) -> None:
        cells = self.cells
        self.begin(slot)
        for cell in range(slot + NEWEST, slot + SLOT):
            cells[cell] = 0
        cells[slot + WINDOW] = window
        cells[slot + FIRST], cells[slot + SECOND] = key
        self.end(slot)

    def _worth(self, slot: int, now: float) -> tuple[bool, float]:
        """What is lost with a slot: those whose window has run empty, or that nobody holds, go first."""
        cells = self.cells
        window = cells[slot + WINDOW]
        if not window:
            return any(cells[slot + AMOUNTS : slot + SLOT]), float("inf")
        charged_at = (cells[slot + NEWEST] + 1) * window / (RING - 1)
        return charged_at + window > now and cells[slot + TOTAL] > 0, charged_at


class Table:
    """Shards of one kind, in a directory."""

    def __init__(self, directory: Path, name: str, shards: int, slots: int) -> None:
        self.shards: list[Shard] = []
        for number in range(shards):
            self.shards.append(Shard(directory / f"{name}-{number}", slots))

    def shard_of(self, key: Key) -> Shard:
        """The shard in which a key is found."""
        return self.shards[key.first % len(self.shards)]

    def close(self) -> None:
        """Lets go of all files."""
        for shard in self.shards:
            shard.close()


def salt_of(directory: Path) -> bytes:
    """The salt of a directory's tables, made by whoever comes first."""
    descriptor = os.open(directory / "salt", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        salt = os.read(descriptor, 32)
        if not salt:
            salt = os.urandom(32)
            os.write(descriptor, salt)
        return salt
    finally:
        os.close(descriptor)
