"""Doubles of the ports for constructors: a clock to move, providers that follow a script, stores in memory.

Each double with awaits calls its `hook` with a name before and after each of them, so that a test can fail, cancel or
reorder things exactly there. The doubles keep the promises of `tollbar.ports`: the ledger is exact, and a call that is
cancelled while it reserves holds nothing.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from tests.counters.clock import ManualClock
from tollbar.domain.audit import Actor
from tollbar.domain.catalogue import Call
from tollbar.domain.errors import Conflict, KeyAlreadyUsed, NotFound, OutOfCredit, UpstreamError
from tollbar.domain.events import StreamEvent
from tollbar.domain.identity import Allowance, AllowanceId, Grant, Key, KeyKind, Principal
from tollbar.domain.limits import Charge, Verdict
from tollbar.domain.money import Unit
from tollbar.domain.records import LedgerEntry
from tollbar.domain.repeats import Keeping
from tollbar.domain.teams import Team
from tollbar.ports.keys import KeyChange
from tollbar.ports.money import Claim, Counters, Reservation

Hook = Callable[[str], Awaitable[None]]


async def quiet(point: str) -> None:
    """The hook that does nothing."""


class FakeClock(ManualClock):
    """A clock that a test moves. Sleeping moves it too or, with `waits`, lasts until `advance` has gone so far."""

    def __init__(self, seconds: float = 7_200.0, waits: bool = False) -> None:
        super().__init__(seconds)
        self.waits = waits
        self.slept: list[float] = []
        """Every wait that was asked for, in seconds."""
        self._alarms: list[tuple[float, int, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        """Waits in the clock's own time."""
        self.slept.append(seconds)
        if not self.waits:
            await super().sleep(seconds)
            return
        alarm = asyncio.get_running_loop().create_future()
        heapq.heappush(self._alarms, (self.seconds + seconds, len(self.slept), alarm))
        await alarm

    def advance(self, seconds: float) -> None:
        """Moves the time on and wakes those whose time has come."""
        self.seconds += seconds
        while self._alarms and self._alarms[0][0] <= self.seconds:
            _, _, alarm = heapq.heappop(self._alarms)
            if not alarm.done():
                alarm.set_result(None)


@dataclass(frozen=True, slots=True)
class Stall:
    """A step at which a provider says nothing any more."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A step at which a provider takes its time, in seconds of its clock."""

    seconds: float


Step = StreamEvent | Exception | Stall | Wait


@dataclass(frozen=True, slots=True)
class Script:
    """What a provider does with one call: refuse it, or say this in order; an exception is raised in its turn."""

    steps: tuple[Step, ...] = ()
    refusal: Exception | None = None


def says(*steps: Step) -> Script:
    """A call that is taken and then goes so."""
    return Script(steps)


def refuses(error: Exception) -> Script:
    """A call that is not taken."""
    return Script(refusal=error)


class FakeProvider:
    """`ports.Provider` that follows one script for each call; after the last script it follows that one again."""

    def __init__(
        self, *scripts: Script, clock: ManualClock | None = None, hook: Hook = quiet, names: Sequence[str] = ()
    ) -> None:
        self.scripts = list(scripts)
        self.calls: list[Call] = []
        """Every call that was made, in order."""
        self.open_calls = 0
        """How many calls are under way."""
        self._clock = clock
        self._hook = hook
        self._names = names

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[AsyncIterator[StreamEvent]]:
        """Plays the next script."""
        script = self.scripts[min(len(self.calls), len(self.scripts) - 1)]
        self.calls.append(call)
        await self._hook("provider.open")
        if script.refusal is not None:
            raise script.refusal
        self.open_calls += 1
        try:
            yield self._play(script)
        finally:
            self.open_calls -= 1

    async def models(self) -> Sequence[str]:
        """The names it was given."""
        return self._names

    async def _play(self, script: Script) -> AsyncIterator[StreamEvent]:
        for step in script.steps:
            await self._hook("provider.next")
            match step:
                case Exception():
                    raise step
                case Stall():
                    await asyncio.Event().wait()
                case Wait(seconds):
                    if self._clock is None:
                        raise AssertionError("a provider that waits needs a clock")
                    await self._clock.sleep(seconds)
                case _:
                    yield step
        await self._hook("provider.end")


class MemoryReservation:
    """What one call holds in a `MemoryLedger`."""

    def __init__(self, reservation_id: str, amounts: dict[AllowanceId, int], hook: Hook) -> None:
        self.id = reservation_id
        self.amounts = amounts
        self.is_committed = False
        self._hook = hook

    def held(self, allowance: AllowanceId) -> int:
        """How much of an allowance is held."""
        return self.amounts.get(allowance, 0)

    async def committed(self) -> None:
        """Makes the hold durable, unless the hook objects."""
        await self._hook("committed.before")
        self.is_committed = True
        await self._hook("committed.after")


class MemoryLedger:
    """`ports.Ledger`, exact, in memory. What the hook raises before an operation, the operation raises."""

    def __init__(self, hook: Hook = quiet) -> None:
        self.hook = hook
        self.keep: Callable[[Keeping], Awaitable[None]] | None = None
        """What keeps an answer, where that is to be."""
        self.entries: list[LedgerEntry] = []
        """Every line, in the order of writing."""
        self.charged: dict[str, dict[AllowanceId, int]] = {}
        """What each settled reservation charged, by its id."""
        self.open: dict[str, MemoryReservation] = {}
        """The holds that stand, by the reservation's id."""
        self._granted: dict[AllowanceId, int] = {}
        self._spent: dict[AllowanceId, int] = {}
        self._of_key: dict[str, list[AllowanceId]] = {}
        self._count = 0

    def grant(self, unit: Unit, amount: int, key_id: str = "key") -> AllowanceId:
        """A new allowance for a key."""
        allowance = AllowanceId(len(self._granted) + 1, unit)
        self._granted[allowance] = amount
        self._spent[allowance] = 0
        self._of_key.setdefault(key_id, []).append(allowance)
        return allowance

    async def reserve(
        self, request_id: str, claims: Sequence[Claim], estimate: Callable[[], LedgerEntry]
    ) -> MemoryReservation:
        """Holds the most of every claim, what is left where only the expected fits, or nothing at all."""
        await self.hook("reserve.before")
        amounts: dict[AllowanceId, int] = {}
        for claim in claims:
            left = self.left(claim.allowance)
            if left < claim.expected:
                unit = claim.allowance.unit
                if unit is Unit.USES:
                    raise KeyAlreadyUsed("This API key was used up.")
                raise OutOfCredit(f"Insufficient {unit}: {claim.expected} needed, {left} left.", details={"unit": unit})
            amounts[claim.allowance] = min(claim.most, left)
        self._count += 1
        reservation = MemoryReservation(f"{request_id}/{self._count}", amounts, self.hook)
        self.open[reservation.id] = reservation
        try:
            await self.hook("reserve.after")
        except BaseException:
            del self.open[reservation.id]
            raise
        return reservation

    async def settle(
        self,
        reservation: Reservation,
        charges: Sequence[tuple[AllowanceId, int]],
        entries: Sequence[LedgerEntry],
        keeping: Keeping | None = None,
    ) -> None:
        """Ends the hold and writes the lines; the second time nothing changes. `keep` is given what is to be kept."""
        if not isinstance(reservation, MemoryReservation):
            raise TypeError("this reservation is another ledger's")
        await self.hook("settle.before")
        if keeping is not None and self.keep is not None:
            await self.keep(keeping)
        if reservation.id not in self.charged:
            overruns = any(amount > reservation.held(allowance) for allowance, amount in charges)
            for allowance, amount in charges:
                self._spent[allowance] += amount
            self.entries += [entry._replace(flag="overrun") if overruns and entry.paid else entry for entry in entries]
            self.charged[reservation.id] = dict(charges)
            del self.open[reservation.id]
        await self.hook("settle.after")

    async def standing(self, key_id: str, end_users: Sequence[str] = ()) -> Sequence[Allowance]:
        """A key's allowances, and its end users', as they stand."""
        return [
            Allowance(allowance, self._granted[allowance], self.spent(allowance), self.held(allowance))
            for owner in (key_id, *end_users)
            for allowance in self._of_key.get(owner, [])
        ]

    def spent(self, allowance: AllowanceId) -> int:
        """What was charged to an allowance so far."""
        return self._spent[allowance]

    def held(self, allowance: AllowanceId) -> int:
        """What calls hold of an allowance at this moment."""
        return sum(reservation.held(allowance) for reservation in self.open.values())

    def left(self, allowance: AllowanceId) -> int:
        """What a new call could take."""
        return self._granted[allowance] - self.spent(allowance) - self.held(allowance)


class HookedCounters:
    """Counters that can be interfered with before they take."""

    def __init__(self, counters: Counters, hook: Hook) -> None:
        self._counters = counters
        self._hook = hook

    async def take(self, charges: Sequence[Charge]) -> Verdict:
        """Takes, if the hook lets it."""
        await self._hook("take.before")
        return await self._counters.take(charges)

    def give_back(self, charges: Sequence[Charge], taken_at: float) -> None:
        """Gives back; this never waits."""
        self._counters.give_back(charges, taken_at)


class MemoryKeyStore:
    """`ports.KeyStore` in memory. `finds` counts the look-ups."""

    def __init__(self, clock: ManualClock, hook: Hook = quiet) -> None:
        self.finds = 0
        self.covers_all: Sequence[AllowanceId] = ()
        self.actors: list[Actor] = []
        self._clock = clock
        self._hook = hook
        self._keys: dict[str, Key] = {}
        self._digests: dict[bytes, tuple[str, datetime | None]] = {}

    async def find(self, digest: bytes) -> Principal | None:
        """The principal behind a digest; a rotated-out one expires when its time is over."""
        self.finds += 1
        key_id, until = self._digests.get(digest, (None, None))
        key = self._keys.get(key_id) if key_id else None
        await self._hook("find.after")
        if key is None:
            return None
        ends = [moment for moment in (until, key.expires_at) if moment is not None]
        return Principal(
            key_id=key.id,
            name=key.name,
            permission=key.permission,
            kind=key.kind,
            tier=key.tier,
            bound_to=key.bound_to,
            models=key.models,
            limits=key.limits,
            allowances=tuple(allowance.id for allowance in key.allowances),
            expires_at=min(ends) if ends else None,
            revoked_at=key.revoked_at,
        )

    def by(self, actor: Actor) -> "MemoryKeyStore":
        """Itself, having noted who is to make changes."""
        self.actors.append(actor)
        return self

    async def shared(self) -> Sequence[AllowanceId]:
        """What a test gave everybody."""
        return self.covers_all

    async def add(self, key: Key, digest: bytes, grants: Sequence[Grant]) -> Key:
        """Stores a new key."""
        if key.id in self._keys or any(key.name == other.name for other in self._keys.values()):
            raise Conflict(f"There is a key {key.name!r} already.")
        if key.kind is KeyKind.SELF_SERVICE and key.bound_to and await self.find_bound(key.bound_to):
            raise Conflict("There is a key for this address already.", field="bound_to")
        stored = replace(key, allowances=_allowances(grants))
        self._keys[key.id] = stored
        self._digests[digest] = (key.id, None)
        return stored

    async def list(self) -> Sequence[Key]:
        """Every key, newest first."""
        return sorted(self._keys.values(), key=lambda key: key.created_at, reverse=True)

    async def find_named(self, name: str) -> Key | None:
        """The key of that name."""
        return next((key for key in self._keys.values() if key.name == name), None)

    async def find_bound(self, bound_to: bytes) -> Key | None:
        """The self-service key of that address."""
        bound = (key for key in self._keys.values() if key.kind is KeyKind.SELF_SERVICE and key.bound_to == bound_to)
        return next(bound, None)

    async def get(self, key_id: str) -> Key:
        """One key."""
        try:
            return self._keys[key_id]
        except KeyError:
            raise NotFound(f"There is no key {key_id!r}.") from None

    async def change(self, key_id: str, change: KeyChange, version: int | None = None) -> Key:
        """The key after the change."""
        key = await self.get(key_id)
        if version is not None and version != key.version:
            raise Conflict(f"The key {key_id!r} was changed meanwhile.")
        fields = ("name", "tier", "expires_at", "revoked_at", "models", "limits", "end_user_terms")
        changed = {name: getattr(change, name) for name in fields if getattr(change, name) is not None}
        changed |= {"end_user_terms": None} if change.forgets_end_users else {}
        changed |= {"expires_at": None} if change.never_expires else {}
        changed |= {"bound_to": None} if change.unbinds else {}
        self._keys[key_id] = key = replace(key, **changed, version=key.version + 1)
        if change.grants is not None:
            kept = [held for held in key.allowances if held.id.unit not in {grant.unit for grant in change.grants}]
            self._keys[key_id] = key = replace(key, allowances=(*kept, *_allowances(change.grants, len(kept))))
        return key

    async def rotate(self, key_id: str, digest: bytes, hint: str, old_until: datetime) -> Key:
        """Gives the key another secret."""
        key = await self.get(key_id)
        if key.revoked_at is not None:
            raise Conflict(f"The key {key_id!r} is revoked.")
        for known, (owner, until) in self._digests.items():
            if owner == key_id:
                self._digests[known] = (owner, min(until, old_until) if until is not None else old_until)
        self._digests[digest] = (key_id, None)
        self._keys[key_id] = key = replace(key, hint=hint, version=key.version + 1)
        return key


def _allowances(grants: Sequence[Grant], first: int = 0) -> tuple[Allowance, ...]:
    return tuple(
        Allowance(AllowanceId(first + number, grant.unit), grant.amount, 0, 0, grant.reset)
        for number, grant in enumerate(grants, 1)
    )


UPSTREAM_FAULTS = UpstreamError.__subclasses__()
"""Every way in which a provider can fail."""


class MemoryTeamStore:
    """`ports.TeamStore` in memory."""

    def __init__(self) -> None:
        self._teams: dict[str, Team] = {}
        self.actors: list[Actor] = []

    def by(self, actor: Actor) -> "MemoryTeamStore":
        """Itself, having noted who is to make changes."""
        self.actors.append(actor)
        return self

    async def add(self, team: Team, grants: Sequence[Grant]) -> Team:
        """Stores a new team."""
        if any(team.name == other.name for other in self._teams.values()):
            raise Conflict(f"There is a team {team.name!r} already.", field="name")
        stored = self._teams[team.id] = replace(team, allowances=_allowances(grants))
        return stored

    async def list(self) -> Sequence[Team]:
        """Every team, by name."""
        return sorted(self._teams.values(), key=lambda team: team.name)

    async def get(self, team_id: str) -> Team:
        """One team."""
        try:
            return self._teams[team_id]
        except KeyError:
            raise NotFound(f"There is no team {team_id!r}.") from None

    async def change(self, team_id: str, change: KeyChange, version: int | None = None) -> Team:
        """The team after the change."""
        team = await self.get(team_id)
        if version is not None and version != team.version:
            raise Conflict(f"The team {team_id!r} was changed meanwhile.")
        fields = ("name", "models", "limits", "end_user_terms")
        changed = {name: getattr(change, name) for name in fields if getattr(change, name) is not None}
        if change.forgets_end_users:
            changed["end_user_terms"] = None
        allowances = team.allowances if change.grants is None else _allowances(change.grants)
        stored = self._teams[team_id] = replace(team, **changed, allowances=allowances, version=team.version + 1)
        return stored
