"""Rates and concurrency, counted in the memory of one process.

A rate is a sliding window of 60 buckets, and the oldest bucket that a window touches is counted whole. So no window of
the limit's length, wherever it begins, ever holds more than the limit, and a charge weighs at most 1/60 of the window
longer than it should. Concurrency has no window: what is taken stays taken until it is given back.

Nothing here suspends, so no lock is needed: between two awaits of the event loop a take is whole or has not begun.
It never survives the process, never sees another one's counts, and never holds more scopes than its bound.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence

from tollbar.domain.limits import Charge, Limit, Measure, Room, Verdict
from tollbar.ports.clock import Clock

BUCKETS = 60
"""Parts of a window (rulings on sliding windows): the price of a bound on memory is 1/60 of strictness."""
RETRY_CONCURRENCY_SECONDS = 1.0
"""When to try again after a refusal for concurrency: nobody knows when a call will end, so soon."""
MOST_SCOPES = 100_000
"""Scopes remembered per kind of rate: some 45 MB when a flood of made-up addresses fills one kind."""


class _Window:
    """What one scope was charged, by bucket; only buckets that hold something, in order of time."""

    __slots__ = ("amounts", "buckets", "total")

    def __init__(self) -> None:
        self.buckets: list[int] = []
        self.amounts: list[int] = []
        self.total = 0


class MemoryCounters:
    """The `Counters` of an installation with one process.

    Limits of one scope are told apart by measure and window, not by amount: a changed amount goes on with what was
    counted before. Each kind of rate (measure and window) remembers `most_scopes` scopes, and drops those whose window
    has run empty first. Only when all of them are live does a new scope push out the one that was charged longest ago,
    whose count then starts again from nothing; scopes with calls in flight are never dropped from the concurrency.
    """

    def __init__(self, clock: Clock, most_scopes: int = MOST_SCOPES) -> None:
        self._clock = clock
        self._most_scopes = most_scopes
        # In each table the scopes stand in the order of their newest bucket: the first to run empty comes first.
        self._rates: dict[tuple[Measure, int], OrderedDict[str, _Window]] = {}
        self._at_once: dict[str, int] = {}

    async def take(self, charges: Sequence[Charge]) -> Verdict:
        """Takes every charge or none; a charge above its whole limit is refused for as long as the window lasts."""
        now = self._clock.monotonic()
        rooms: list[Room] = []
        for charge in charges:
            room = self._take(charge, now) if charge.limit.window_seconds else self._take_slots(charge)
            if room is None:
                return self._refuse(charges, len(rooms), now)
            rooms.append(room)
        return Verdict(tuple(rooms), now)

    def give_back(self, charges: Sequence[Charge], taken_at: float) -> None:
        """Corrects charges taken at `taken_at`; what has left its window meanwhile is no longer counted anyway."""
        self._correct(charges, taken_at, self._clock.monotonic())

    def _refuse(self, charges: Sequence[Charge], taken: int, now: float) -> Verdict:
        """Gives the first `taken` charges back, and names the one to wait for longest of those that do not fit."""
        refused = charges[taken]
        longest = self._wait_seconds(refused, now)
        self._correct(charges[:taken], now, now)
        standing = tuple(self._room(charge.scope, charge.limit, now) for charge in charges)
        for charge, room in zip(charges[taken + 1 :], standing[taken + 1 :], strict=True):
            seconds = self._wait_seconds(charge, now) if charge.amount > room.remaining else 0.0
            if seconds > longest:
                refused, longest = charge, seconds
        return Verdict(standing, now, refused, longest)

    def _take(self, charge: Charge, now: float) -> Room | None:
        """Counts the charge and says how its limit then stands; None, with nothing counted, when it does not fit."""
        scope, limit, amount = charge
        seconds = limit.window_seconds
        bucket = int(now * BUCKETS // seconds)
        table = self._rates.get(limit.kind)
        if table is None:
            table = self._table(limit)
        window = table.get(scope)
        if window is None:
            window = self._add(table, scope, bucket)
        buckets = window.buckets
        if buckets and buckets[0] < bucket - BUCKETS:
            _expire(window, bucket)
        total = window.total + amount
        left = limit.amount - total
        if left < 0:
            return None
        window.total = total
        if buckets and buckets[-1] == bucket:
            window.amounts[-1] += amount
        elif amount:
            buckets.append(bucket)
            window.amounts.append(amount)
            table.move_to_end(scope)
        reset_seconds = (buckets[-1] + BUCKETS + 1) * seconds / BUCKETS - now if buckets else 0.0
        return Room(scope, limit, left, reset_seconds)

    def _take_slots(self, charge: Charge) -> Room | None:
        """The same for concurrency: a slot is free again as soon as it is given back, hence no reset."""
        in_use = self._at_once.get(charge.scope, 0) + charge.amount
        if in_use > charge.limit.amount:
            return None
        self._at_once[charge.scope] = in_use
        return Room(charge.scope, charge.limit, charge.limit.amount - in_use, 0.0)

    def _wait_seconds(self, charge: Charge, now: float) -> float:
        """How long until enough buckets have gone for a charge to fit; the whole window if it can never fit."""
        seconds = charge.limit.window_seconds
        if not seconds:
            return RETRY_CONCURRENCY_SECONDS
        window = self._table(charge.limit).get(charge.scope)
        if window is None:
            return float(seconds)
        missing = window.total + charge.amount - charge.limit.amount
        for bucket, amount in zip(window.buckets, window.amounts, strict=True):
            missing -= amount
            if missing <= 0:
                return _ends_at(bucket, seconds) - now
        return float(seconds)

    def _correct(self, charges: Sequence[Charge], taken_at: float, now: float) -> None:
        for charge in charges:
            if charge.limit.window_seconds:
                self._correct_rate(charge, taken_at, now)
                continue
            in_use = self._at_once.get(charge.scope, 0) - charge.amount
            if in_use > 0:
                self._at_once[charge.scope] = in_use
            else:
                self._at_once.pop(charge.scope, None)

    def _correct_rate(self, charge: Charge, taken_at: float, now: float) -> None:
        scope, limit, amount = charge
        seconds = limit.window_seconds
        bucket = int(taken_at * BUCKETS // seconds)
        newest = int(now * BUCKETS // seconds)
        if bucket < newest - BUCKETS or not amount:
            return
        table = self._table(limit)
        window = table.get(scope)
        if window is None:
            if amount > 0:
                return
            window = self._add(table, scope, newest)
        buckets, amounts = window.buckets, window.amounts
        place = len(buckets) - 1 if buckets and buckets[-1] == bucket else bisect_left(buckets, bucket)
        if place == len(buckets) or buckets[place] != bucket:
            buckets.insert(place, bucket)
            amounts.insert(place, 0)
        # Never below nothing: the scope may have been pushed out since, and what is not counted cannot be given back.
        before = amounts[place]
        after = max(0, before - amount)
        window.total += after - before
        if after:
            amounts[place] = after
        else:
            del buckets[place], amounts[place]

    def _room(self, scope: str, limit: Limit, now: float) -> Room:
        """How a limit stands, without taking anything."""
        if not limit.window_seconds:
            return Room(scope, limit, max(0, limit.amount - self._at_once.get(scope, 0)), 0.0)
        window = self._table(limit).get(scope)
        if window is None:
            return Room(scope, limit, limit.amount, 0.0)
        _expire(window, int(now * BUCKETS // limit.window_seconds))
        reset_seconds = _ends_at(window.buckets[-1], limit.window_seconds) - now if window.buckets else 0.0
        return Room(scope, limit, max(0, limit.amount - window.total), reset_seconds)

    def _table(self, limit: Limit) -> OrderedDict[str, _Window]:
        table = self._rates.get(limit.kind)
        if table is None:
            table = self._rates[limit.kind] = OrderedDict()
        return table

    def _add(self, table: OrderedDict[str, _Window], scope: str, bucket: int) -> _Window:
        """A window for a new scope; up to two that ran empty go for it, so that the table also shrinks again."""
        for _ in range(2):
            if not table:
                break
            buckets = next(iter(table.values())).buckets
            if len(table) < self._most_scopes and buckets and buckets[-1] >= bucket - BUCKETS:
                break
            table.popitem(last=False)
        window = table[scope] = _Window()
        return window


def _expire(window: _Window, bucket: int) -> None:
    """Drops the buckets that no window ending in `bucket` touches."""
    gone = bisect_left(window.buckets, bucket - BUCKETS)
    if gone:
        window.total -= sum(window.amounts[:gone])
        del window.buckets[:gone], window.amounts[:gone]


def _ends_at(bucket: int, window_seconds: int) -> float:
    """When a bucket is counted no more: at the start of the first bucket whose window does not touch it."""
    return (bucket + BUCKETS + 1) * window_seconds / BUCKETS
