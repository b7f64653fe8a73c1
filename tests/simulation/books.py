"""Compares the store with its promises after every commit, and what callers saw with the store.

The promises are those that `storage/ledger.py` lists. They are checked from the tables alone, so that whatever the
processes believe, a wrong figure is found in the transaction that wrote it.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.simulation.world import World
from tollbar.domain.money import Unit

Period = tuple[int, int]
"""An allowance and the start of a period of it."""

BALANCES = """SELECT a.id, a.unit, a.granted, a.spent, a.leased, a.period_start,
    (SELECT coalesce(sum(l.amount), 0) FROM leases l WHERE l.allowance = a.id AND l.period_start = a.period_start)
    FROM allowances a"""
HOLDS = """SELECT h.request_id, h.allowance, h.period_start, h.process, h.amount, coalesce(l.amount, 0),
    h.period_start = a.period_start FROM holds h JOIN allowances a ON a.id = h.allowance
    LEFT JOIN leases l ON l.allowance = h.allowance AND l.process = h.process AND l.period_start = h.period_start"""
ALL_KEPT = "SELECT request_id FROM answers WHERE status IS NOT NULL"
KEPT = f"{ALL_KEPT} AND scope = ? AND name = ?"
LINES = """SELECT id, request_id, key_id, outcome, provenance, paid, credits, coalesce(cost_nano_dollars, 0),
    prompt_tokens, completion_tokens, flag FROM ledger WHERE id > ? ORDER BY id"""


class Line(NamedTuple):
    """A ledger line, as far as the promises speak of it."""

    request_id: str
    key_id: str
    outcome: str
    provenance: str
    paid: int
    credits: int
    cost: int
    prompt_tokens: int
    completion_tokens: int
    flag: str | None

    def charge(self, unit: str) -> int:
        """What it takes from an allowance that covers its key."""
        match Unit(unit):
            case Unit.CREDITS:
                return self.credits
            case Unit.DOLLARS:
                return self.cost
            case Unit.TOKENS:
                return self.prompt_tokens + self.completion_tokens
            case Unit.USES:
                return int(self.credits > 0)


class Balance(NamedTuple):
    """An allowance as the store has it; `in_leases` is what its leases add up to."""

    unit: str
    granted: int
    spent: int
    leased: int
    period: int
    in_leases: int

    @property
    def left(self) -> int:
        """What nobody has spent or leased."""
        return self.granted - self.spent - self.leased


@dataclass(slots=True)
class Books:
    """All that was ever written, in the order of writing."""

    world: World
    database: sqlite3.Connection
    may_be_dead: Callable[[str], bool]
    """Whether others may rightly think that the process of a request is dead."""
    covering: dict[str, Sequence[int]] = field(default_factory=dict)
    """The allowances that cover each key."""
    lines: defaultdict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))
    """Lines by the request that they are of."""
    held: dict[str, dict[int, int]] = field(default_factory=dict)
    """The allowances of each hold that was seen in the store, with the period that each part belongs to."""
    named: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """The calls that have an `Idempotency-Key`, with what tells theirs from others."""
    failed: set[str] = field(default_factory=set)
    """The calls whose callers were told of a fault."""
    commits: int = 0
    _last: int = 0
    _holders: dict[str, int] = field(default_factory=dict)
    _rows: list[Any] = field(default_factory=list)
    _before: dict[int, Balance] = field(default_factory=dict)

    def check(self, whose: str, has_money: bool) -> None:
        """A transaction was committed; `has_money` where it may have changed anything that the promises speak of."""
        self.commits += 1
        new = [Line._make(row[1:]) for row in self._new_lines()] if has_money else []
        if has_money:
            self._check_money(new)
        self.world.note(whose, "commits", *(f"{row[3]}/{row[4]}" for row in self._rows), len(new))

    def _check_money(self, new: Sequence[Line]) -> None:
        for line in new:
            self._check_line(line)
        before, self._rows = self._rows, self.database.execute(BALANCES).fetchall()
        if new or before != self._rows:
            now = {row[0]: Balance._make(row[1:]) for row in self._rows}
            for number, balance in now.items():
                if new or self._before.get(number) != balance:
                    self._check_balance(number, self._before.get(number), balance, new)
            self._before = now
        self._check_holds(self.database.execute(HOLDS).fetchall())

    def _new_lines(self) -> Sequence[Any]:
        rows = self.database.execute(LINES, (self._last,)).fetchall()
        if rows:
            self._last = rows[-1][0]
        return rows

    def _check_holds(self, rows: Sequence[Any]) -> None:
        sums: dict[tuple[int, int], int] = {}
        for request_id, allowance, period, process, amount, leased, is_of_now in rows:
            self.held.setdefault(request_id, {})[allowance] = period
            if is_of_now:
                held = sums[allowance, process] = sums.get((allowance, process), 0) + amount
                if held > leased:
                    self.world.fail(f"allowance {allowance}: process {process} holds {held} of {leased} that it leased")
        before, self._holders = self._holders, {row[0]: row[3] for row in rows}
        if gone := before.keys() - self._holders.keys():
            living = {number for (number,) in self.database.execute("SELECT id FROM processes")}
            for request_id in sorted(gone):
                if before[request_id] not in living and not self.lines[request_id]:
                    self.world.fail(f"{request_id} was held by a process that died, and is in no ledger")

    def _check_line(self, line: Line) -> None:
        lines = self.lines[line.request_id]
        if line.paid and any(other.paid for other in lines):
            self.world.fail(f"{line.request_id} is charged twice")
        if line.paid and line.outcome == "ok" and line.request_id in self.named:
            self._check_kept(line.request_id)
        if line.flag in {"estimate", "late"} and not self.may_be_dead(line.request_id):
            self.world.fail(f"{line.request_id} was taken from a process that lives")
        if line.flag == "late" and line.paid:
            self.world.fail(f"{line.request_id} is late, and charged")
        lines.append(line)

    def _check_kept(self, request_id: str) -> None:
        """A call that may be sent again was charged: the answer is kept with that, so it cannot be charged again."""
        kept = self.database.execute(KEPT, self.named[request_id]).fetchall()
        if kept != [(request_id,)]:
            self.world.fail(f"{request_id} is charged, and what is kept under its name is of {kept}")

    def _check_balance(self, number: int, before: Balance | None, now: Balance, new: Sequence[Line]) -> None:
        tell, name = self.world.fail, f"allowance {number} ({now.unit})"
        if now.leased != now.in_leases:
            tell(f"{name}: {now.leased} leased, {now.in_leases} in leases")
        if before is None:
            return
        paid = [line for line in new if line.paid and number in self.covering.get(line.key_id, ())]
        is_same = before.period == now.period
        sure = sum(line.charge(now.unit) for line in paid if self._is_of(line, number, now.period) is True)
        maybe = sum(line.charge(now.unit) for line in paid if self._is_of(line, number, now.period) is None)
        moved = now.spent - (before.spent if is_same else 0)
        if not sure <= moved <= sure + maybe:
            tell(f"{name}: spent moved by {moved}, and its lines say {sure} to {sure + maybe}")
        overrun = sum(line.charge(now.unit) for line in paid if line.flag == "overrun")
        if now.unit in {Unit.CREDITS, Unit.USES}:
            overrun = 0
        lowered = max(0, before.granted - now.granted)
        if now.left < min(before.left if is_same else before.granted, 0) - overrun - lowered:
            tell(f"{name} is oversold: {before.left} were left, {now.left} are")

    def _is_of(self, line: Line, allowance: int, period: int) -> bool | None:
        """Whether a line charges that period; None where its hold was never seen: made and ended in one batch."""
        held = self.held.get(line.request_id)
        if held is None:
            return True if period == 0 else None
        return held.get(allowance, period) == period

    def check_begun(self, request_id: str, key: str) -> None:
        """A caller was sent something of an answer: its hold was durable."""
        if self.covering[key] and request_id not in self.held and request_id not in self.lines:
            self.world.fail(f"{request_id} was answered before its hold was durable")

    def check_ended(self, request_id: str) -> None:
        """A caller was sent the end of an answer: it is in the ledger, once."""
        paid = [line for line in self.lines[request_id] if line.paid and line.outcome == "ok"]
        if len(paid) != 1:
            self.world.fail(f"{request_id} ended well, and has {len(paid)} lines of that: {self.lines[request_id]}")

    def check_empty(self) -> None:
        """Everybody went: nothing is held or leased."""
        (holds,), (leases,) = (
            self.database.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("holds", "leases")
        )
        for (request_id,) in self.database.execute(ALL_KEPT):
            self.check_ended(request_id)
        for request_id in sorted(self.failed):
            if any(line.paid and line.outcome == "ok" for line in self.lines[request_id]):
                self.world.fail(f"{request_id} is charged as a whole answer, and its caller was told of a fault")
        leased = [number for number, balance in self._before.items() if balance.leased]
        if holds or leases or leased:
            self.world.fail(f"{holds} holds and {leases} leases are left, and something is leased of {leased}")
