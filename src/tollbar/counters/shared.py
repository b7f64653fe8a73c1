"""Rates and concurrency of one machine, counted by several processes in files that they share (`table.py`).

The windows are those of `memory.py`: 60 buckets, the oldest counted whole, so that no window ever holds more than its
limit, whichever processes the requests went to. A take locks the shards of all its charges, always in the same order,
for some microseconds; it never waits for anything else. Concurrency is counted for each process apart, under the number
that its supervisor gave it: what a process held that was not heard of for 30 seconds, or that was started anew under
its number, counts no more. POSIX only.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tollbar.counters.table import AMOUNTS, NEWEST, RING, TOTAL, Shard, Table, key_of, salt_of
from tollbar.domain.limits import Charge, Limit, Room, Verdict
from tollbar.ports.clock import Clock

BUCKETS = RING - 1
RETRY_CONCURRENCY_SECONDS = 1.0
EXPIRY_SECONDS = 30.0
"""Whoever was not heard of for longer holds nothing any more (rulings on holds)."""
MOST_WORKERS = 60
RATE_SHARDS, HELD_SHARDS = 16, 4
SLOTS = 4_096
"""Those of a shard."""
IS_POSSIBLE = sys.platform != "win32"

Place = tuple[Shard, int]
"""A charge's slot: its shard, and where in it."""


class SharedCounters:
    """`ports.Counters` of worker number `worker`, over the files in a directory that all workers are given.

    Some 65,000 scopes have a place; when so many neighbours are in use, the one that was charged longest ago goes.
    All workers are told the same number of `slots`.
    """

    def __init__(self, clock: Clock, directory: Path, worker: int = 0, slots: int = SLOTS) -> None:
        self._clock = clock
        self._worker = worker
        self._salt = salt_of(directory)
        self._rates = Table(directory, "rates", RATE_SHARDS, slots)
        self._held = Table(directory, "held", HELD_SHARDS, slots)
        self._heard = Shard(directory / "heard", 1)
        self._begin()

    async def take(self, charges: Sequence[Charge]) -> Verdict:
        """See `ports.Counters`."""
        if not charges:
            return Verdict((), self._clock.monotonic())
        with self._places(charges) as places:
            now = self._clock.monotonic()
            live = self._live(now)
            rooms: list[Room] = []
            for charge, place in zip(charges, places, strict=True):
                if not self._fits(charge, place, now, live):
                    self._undo(charges, places, len(rooms), now)
                    return self._refuse(charges, places, len(rooms), now)
                self._add(charge, place, charge.amount, now)
                rooms.append(self._room(charge, place, now, live))
            return Verdict(tuple(rooms), now)

    def give_back(self, charges: Sequence[Charge], taken_at: float) -> None:
        """See `ports.Counters`."""
        if not charges:
            return
        with self._places(charges) as places:
            now = self._clock.monotonic()
            for charge, place in zip(charges, places, strict=True):
                self._add(charge, place, -charge.amount, now, taken_at)

    def beat(self) -> None:
        """Says that this process lives; to be called every few seconds."""
        self._heard.cells[AMOUNTS + self._worker] = int(self._clock.monotonic() * 1_000_000)

    def close(self) -> None:
        """Lets go of the files."""
        for table in (self._rates, self._held, self._heard):
            table.close()

    def _begin(self) -> None:
        """What an earlier process held under this number is free."""
        for shard in self._held.shards:
            shard.lock()
            try:
                for slot in shard.slots():
                    shard.cells[slot + AMOUNTS + self._worker] = 0
            finally:
                shard.unlock()
        self.beat()

    @contextmanager
    def _places(self, charges: Sequence[Charge]) -> Iterator[list[Place]]:
        """The slots of charges, with their shards locked: in one order, so that nobody waits in a circle."""
        found = []
        for scope, limit, _ in charges:
            key = key_of(f"{limit.measure}/{limit.window_seconds}/{scope}", self._salt)
            found.append(((self._rates if limit.window_seconds else self._held).shard_of(key), key))
        shards = sorted({shard for shard, _ in found}, key=lambda shard: shard.name)
        for shard in shards:
            shard.lock()
        try:
            places: list[Place] = []
            kept: dict[Shard, set[int]] = {shard: set() for shard in shards}
            now = self._clock.monotonic()
            for (shard, key), charge in zip(found, charges, strict=True):
                slot = shard.find(key, charge.limit.window_seconds, now, kept[shard])
                kept[shard].add(slot)
                places.append((shard, slot))
            yield places
        finally:
            for shard in shards:
                shard.unlock()

    def _live(self, now: float) -> list[int]:
        """The numbers of the processes whose calls count."""
        heard, since = self._heard.cells, int((now - EXPIRY_SECONDS) * 1_000_000)
        return [number for number in range(MOST_WORKERS) if heard[AMOUNTS + number] > since or number == self._worker]

    def _fits(self, charge: Charge, place: Place, now: float, live: Sequence[int]) -> bool:
        return charge.amount <= charge.limit.amount - self._used(charge.limit, place, now, live)

    def _used(self, limit: Limit, place: Place, now: float, live: Sequence[int]) -> int:
        (shard, slot), seconds = place, limit.window_seconds
        if not seconds:
            return sum(shard.cells[slot + AMOUNTS + number] for number in live)
        _advance(shard, slot, int(now * BUCKETS // seconds))
        return shard.cells[slot + TOTAL]

    def _add(self, charge: Charge, place: Place, amount: int, now: float, at: float | None = None) -> None:
        """Counts an amount where it belongs; less than nothing is nowhere counted."""
        (shard, slot), seconds = place, charge.limit.window_seconds
        cells = shard.cells
        if not seconds:
            cell = slot + AMOUNTS + self._worker
            cells[cell] = max(0, cells[cell] + amount)
            return
        newest = int(now * BUCKETS // seconds)
        bucket = newest if at is None else int(at * BUCKETS // seconds)
        _advance(shard, slot, newest)
        if bucket <= cells[slot + NEWEST] - RING:
            return  # it has left its window
        cell = slot + AMOUNTS + bucket % RING
        before = cells[cell]
        after = max(0, before + amount)
        shard.begin(slot)
        cells[cell] = after
        cells[slot + TOTAL] += after - before
        shard.end(slot)

    def _undo(self, charges: Sequence[Charge], places: Sequence[Place], count: int, now: float) -> None:
        for charge, place in zip(charges[:count], places[:count], strict=True):
            self._add(charge, place, -charge.amount, now)

    def _refuse(self, charges: Sequence[Charge], places: Sequence[Place], refused: int, now: float) -> Verdict:
        """Nothing is taken; names the one to wait for longest of those that do not fit."""
        live = self._live(now)
        rooms = tuple(self._room(charge, place, now, live) for charge, place in zip(charges, places, strict=True))
        named, longest = charges[refused], _wait_seconds(charges[refused], places[refused], now)
        for charge, place, room in zip(charges, places, rooms, strict=True):
            seconds = _wait_seconds(charge, place, now) if charge.amount > room.remaining else 0.0
            if seconds > longest:
                named, longest = charge, seconds
        return Verdict(rooms, now, named, longest)

    def _room(self, charge: Charge, place: Place, now: float, live: Sequence[int]) -> Room:
        left = max(0, charge.limit.amount - self._used(charge.limit, place, now, live))
        return Room(charge.scope, charge.limit, left, _reset_seconds(charge.limit, place, now))


def _advance(shard: Shard, slot: int, bucket: int) -> None:
    """Forgets the buckets that no window ending in `bucket` touches."""
    cells = shard.cells
    newest = cells[slot + NEWEST]
    if bucket <= newest:
        return
    shard.begin(slot)
    for number in range(max(newest + 1, bucket - RING + 1), bucket + 1):
        cell = slot + AMOUNTS + number % RING
        if cells[cell]:
            cells[slot + TOTAL] -= cells[cell]
            cells[cell] = 0
    cells[slot + NEWEST] = bucket
    shard.end(slot)


def _filled(place: Place) -> Iterator[tuple[int, int]]:
    """The buckets that hold something with what they hold, oldest first."""
    shard, slot = place
    newest = shard.cells[slot + NEWEST]
    for bucket in range(newest - BUCKETS, newest + 1):
        amount = shard.cells[slot + AMOUNTS + bucket % RING]
        if amount:
            yield bucket, amount


def _reset_seconds(limit: Limit, place: Place, now: float) -> float:
    """In how many seconds all of a limit is free again."""
    if not limit.window_seconds:
        return 0.0
    shard, slot = place
    newest = shard.cells[slot + NEWEST]
    for bucket in range(newest, newest - RING, -1):
        if shard.cells[slot + AMOUNTS + bucket % RING]:
            return _ends_at(bucket, limit.window_seconds) - now
    return 0.0


def _wait_seconds(charge: Charge, place: Place, now: float) -> float:
    """How long until enough buckets have gone for a charge to fit; the whole window if it can never fit."""
    seconds = charge.limit.window_seconds
    if not seconds:
        return RETRY_CONCURRENCY_SECONDS
    shard, slot = place
    missing = shard.cells[slot + TOTAL] + charge.amount - charge.limit.amount
    for bucket, amount in _filled(place):
        missing -= amount
        if missing <= 0:
            return _ends_at(bucket, seconds) - now
    return float(seconds)


def _ends_at(bucket: int, window_seconds: int) -> float:
    return (bucket + RING) * window_seconds / BUCKETS
