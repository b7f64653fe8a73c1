"""Stores of end users and of what was used, in memory, for tests of what stands on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from tests.fakes import FakeClock, MemoryLedger
from tollbar.domain.audit import Actor
from tollbar.domain.end_users import ERASED, PREFIX, EndUser, EndUserChange
from tollbar.domain.errors import NotAllowed, NotFound
from tollbar.domain.identity import Allowance, AllowanceId, EndUserTerms, Holder, Principal
from tollbar.domain.records import DayUsage, LedgerEntry, Spending


class MemoryEndUserStore:
    """`ports.EndUserStore` in memory; allowances are made in a ledger."""

    def __init__(self, ledger: MemoryLedger, most: int = 1_000) -> None:
        self._ledger = ledger
        self._most = most
        self._known: dict[str, EndUser] = {}
        self.asked = 0

    def by(self, actor: Actor) -> "MemoryEndUserStore":
        """Itself."""
        return self

    async def admit(self, owner: str, name: str, terms: EndUserTerms) -> EndUser:
        """The end user, made at first sight."""
        self.asked += 1
        for found in await self.list(owner, name):
            return found
        if len(self._known) >= self._most:
            raise NotAllowed("There are too many end users.", field="user")
        made = EndUser(f"{PREFIX}{len(self._known)}", owner, name, FakeClock().now())
        granted = [(self._ledger.grant(one.unit, one.amount, made.id), one.amount) for one in terms.grants]
        allowances = tuple(Allowance(replace(one, holder=Holder.END_USER), amount, 0, 0) for one, amount in granted)
        self._known[made.id] = replace(made, allowances=allowances)
        return self._known[made.id]

    async def foresee(self, owner: str, name: str, terms: EndUserTerms) -> EndUser:
        """The end user, made of nothing where it is new."""
        for found in await self.list(owner, name):
            return found
        fresh = (Allowance(AllowanceId(0, one.unit, Holder.END_USER), one.amount, 0, 0) for one in terms.grants)
        return EndUser("", owner, name, FakeClock().now(), allowances=tuple(fresh))

    async def list(self, owner: str, name: str = "") -> Sequence[EndUser]:
        """Those of an owner."""
        return [one for one in self._known.values() if one.owner == owner and name in ("", one.name)]

    async def change(self, owner: str, end_user: str, change: EndUserChange) -> EndUser:
        """The end user after the change."""
        if end_user not in self._known:
            raise NotFound("There is no such end user.")
        before = self._known[end_user]
        blocked_at = (
            before.blocked_at if change.is_blocked is None else FakeClock().now() if change.is_blocked else None
        )
        name = f"{ERASED}1" if change.erases else before.name
        self._known[end_user] = replace(before, blocked_at=blocked_at, name=name)
        return self._known[end_user]


@dataclass(slots=True)
class MemoryUsage:
    """`ports.UsageStore` in memory, with what the test puts there."""

    days: list[DayUsage] = field(default_factory=list)
    spent: dict[Holder, Spending] = field(default_factory=dict)
    lines: list[LedgerEntry] = field(default_factory=list)
    asked: list[tuple[str, str | None, date]] = field(default_factory=list)
    hook: Callable[[], None] = lambda: None

    async def by_day(self, key_id: str, end_user: str | None, since: date) -> Sequence[DayUsage]:
        """What was put there."""
        self.asked.append((key_id, end_user, since))
        return self.days

    async def spending(self, principal: Principal, holder: Holder, since: date) -> Spending | None:
        """What was put there."""
        return self.spent.get(holder)

    async def last_line(self) -> int:
        """As many as there are."""
        return len(self.lines)

    async def lines_after(self, number: int) -> Sequence[tuple[int, LedgerEntry]]:
        """The lines from there on."""
        self.hook()
        return list(enumerate(self.lines, 1))[number:]
