"""Who may call in a simulation, on what allowances."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from tests.simulation.books import Books
from tests.simulation.process import digest
from tests.simulation.world import World
from tests.storage.making import a_key, estimating
from tollbar.domain.errors import KeyAlreadyUsed, OutOfCredit
from tollbar.domain.identity import AllowanceId, Grant, Reset, TopUp
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit
from tollbar.domain.teams import INSTALLATION, Team
from tollbar.ports.keys import KeyChange
from tollbar.ports.money import Claim
from tollbar.storage.store import Storage

DOLLAR = 1_000_000_000
TEAM = "team_a"


@dataclass(frozen=True, slots=True)
class Holding:
    """A key: its secret, its own allowances, how many calls it may make at once, and how many in a minute."""

    secret: str
    own: tuple[AllowanceId, ...] = ()
    slots: int = 0
    rate: int = 0


@dataclass(slots=True)
class Holdings:
    """All keys of a simulation."""

    world: World
    books: Books
    keys: list[Holding] = field(default_factory=list)

    async def grant(self, storage: Storage) -> None:
        """Makes them, through the product's own administration."""
        chance = self.world.chance
        shared: list[AllowanceId] = []
        if chance.random() < 0.3:
            everything = KeyChange(grants=(self._grant(Unit.TOKENS), self._grant(Unit.DOLLARS)))
            shared = [one.id for one in (await storage.teams.change(INSTALLATION, everything)).allowances]
        team = await storage.teams.add(Team(TEAM, "A team", self.world.moment), [self._grant(Unit.CREDITS)])
        grants: dict[str, list[Grant]] = {
            "coins": [self._grant(Unit.CREDITS)],
            "mixed": [self._grant(unit) for unit in (Unit.CREDITS, Unit.DOLLARS, Unit.TOKENS)],
            "member": [self._grant(Unit.TOKENS)],
            "once": [Grant(Unit.USES, chance.randrange(1, 4))],
            "free": [],
        }
        for name, granted in grants.items():
            slots = chance.choice((0, 2, 5))
            rate = chance.choice((0, 0, 0, 3, 10))
            limits = (Limit(Measure.CONCURRENCY, slots, 0), Limit(Measure.TOKENS, 20_000, 60)) if slots else ()
            limits += (Limit(Measure.REQUESTS, rate, 60),) if rate else ()
            key = a_key(name, limits=limits, team=TEAM if name == "member" else "")
            added = await storage.keys.add(key, digest(name), granted)
            own = [one.id for one in added.allowances]
            members = [one.id for one in team.allowances] if key.team else []
            self.books.covering[name] = [one.number for one in (*own, *members, *shared)]
            self.keys += [Holding(name, tuple(own), slots, rate)] * (3 if name in {"coins", "mixed"} else 1)

    async def regrant(self, storage: Storage) -> None:
        """Somebody grants more, or less, of what a key has; or puts something on top of it for a while."""
        chance = self.world.chance
        held = chance.choice([one for one in self.keys if one.own])
        unit = chance.choice(held.own).unit
        self.world.note("regrant", held.secret, unit)
        if unit is Unit.USES:
            return
        if chance.random() < 0.5:
            change = KeyChange(grants=(self._grant(unit),))
        else:
            until = self.world.moment + timedelta(seconds=chance.uniform(0.5, 30.0))
            change = KeyChange(top_ups=(TopUp(unit, chance.randrange(0, 300), until),))
        await storage.keys.change(held.secret, change)

    async def revoke(self, storage: Storage) -> None:
        """Somebody revokes a key."""
        held = self.world.chance.choice(self.keys)
        self.world.note("revoke", held.secret)
        await storage.keys.change(held.secret, KeyChange(revoked_at=self.world.moment))

    async def check_rest(self, storage: Storage, name: str) -> None:
        """Of every allowance that time does not change, what is left can be had, and not one more."""
        for held in dict.fromkeys(self.keys):
            for standing in await storage.ledger.standing(held.secret):
                is_steady = standing.resets_at is None and standing.top_up is None
                if standing.left <= 0 or standing.id not in held.own or not is_steady:
                    continue
                all_of_it = Claim(standing.id, standing.left, standing.left)
                reservation = await storage.ledger.reserve(name, [all_of_it], estimating(name))
                await reservation.committed()
                with suppress(OutOfCredit, KeyAlreadyUsed):
                    await storage.ledger.reserve(name, [Claim(standing.id, 1, 1)], estimating(name))
                    self.world.fail(f"{standing.id} gives more than is left of it")
                await storage.ledger.settle(reservation, [], [])

    def _grant(self, unit: Unit) -> Grant:
        chance = self.world.chance
        reset = chance.choice((Reset.NEVER, Reset.NEVER, Reset.HOUR, Reset.DAY, Reset.MONTH))
        match unit:
            case Unit.CREDITS:
                return Grant(unit, chance.choice((3, 20, 200, 4_000)), reset)
            case Unit.TOKENS:
                return Grant(unit, chance.choice((500, 20_000, 10_000_000)), reset)
            case _:
                return Grant(unit, chance.choice((DOLLAR // 300, DOLLAR // 5, 900 * DOLLAR)), reset)
