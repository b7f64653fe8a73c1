"""Writes the ledger's operations inside the journal's transactions, in the journal's thread.

However many operations a batch has, it is a fixed set of statements, but for the few answers that are kept. In a batch:
rows of holds first, but for those that are settled in the same batch, which need none; then settlements with their
lines, and returns; then takings, which so find all that was given back. Nothing is written for a process that others
have taken for dead.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from tollbar.domain.errors import Overloaded
from tollbar.domain.identity import Reset
from tollbar.domain.records import LedgerEntry
from tollbar.storage import lines, sums
from tollbar.storage.balances import Balance, decide
from tollbar.storage.engine import Connection
from tollbar.storage.operations import Change, Held, Operation, Return, Settlement, Taking
from tollbar.storage.statements import LedgerSql
from tollbar.storage.times import microseconds, period

_encode: Callable[[object], bytes] = msgspec.json.encode


class NotAloneError(Exception):
    """One of several operations is unusual; the journal then writes each by itself."""


class LedgerWriter:
    """The journal's lane for the ledger. `process` is this process's number in the store, 0 before it has one.

    `keep` is the statement that keeps an answer.
    """

    def __init__(self, sql: LedgerSql, keep: str, is_strict: bool) -> None:
        self._sql = sql
        self._keep = keep
        self._is_strict = is_strict
        self.process = 0

    def write(self, connection: Connection, operations: Sequence[Operation]) -> None:
        """Writes the operations; what it raises has them undone."""
        if not self._are_ours(connection, operations):
            if len(operations) > 1:
                raise NotAloneError
            self._write_orphan(connection, operations[0])
            return
        holds = [operation for operation in operations if isinstance(operation, Held)]
        settlements = [operation for operation in operations if isinstance(operation, Settlement)]
        returns = [operation for operation in operations if isinstance(operation, Return)]
        takings = [operation for operation in operations if isinstance(operation, Taking)]
        if holds:
            self._sql.insert_holds.insert(connection, [row for held in holds for row in _rows(held)])
        if settlements or returns:
            self._settle(connection, settlements, returns)
        if takings:
            self._take(connection, takings)

    def _are_ours(self, connection: Connection, operations: Sequence[Operation]) -> bool:
        if not {operation.process for operation in operations} <= {self.process, None}:
            return False
        return connection.execute(self._sql.find_process, {"process": self.process}).fetchone() is not None

    def _write_orphan(self, connection: Connection, operation: Operation) -> None:
        match operation:
            case Held() | Taking():
                raise Overloaded("This process was silent for too long and may not admit calls.")
            case Settlement(held=Held(parts=[]), kept=None):
                self._write_lines(connection, [operation])
            case Settlement():
                self._write_late(connection, operation)
            case Return():
                pass  # what it leased went back when it was taken for dead

    def _write_late(self, connection: Connection, settlement: Settlement) -> None:
        settlement.is_late = True
        append_lines(connection, self._sql, map(lines.late, settlement.entries))

    def _settle(
        self,
        connection: Connection,
        settlements: Sequence[Settlement],
        returns: Sequence[Return],
    ) -> None:
        if not self._end_holds(connection, settlements):
            if len(settlements) > 1 or returns:
                raise NotAloneError
            self._write_late(connection, settlements[0])
            return
        changes = [change for settlement in settlements for change in settlement.changes]
        changes += [Change(back.lease.allowance, back.lease.period, 0, back.amount) for back in returns]
        self._change(connection, changes)
        for settlement in settlements:
            for allowance, amount in settlement.unheld.items():
                connection.execute(self._sql.charge_unheld, {"allowance": allowance, "amount": amount})
        self._write_lines(connection, settlements)

    def _end_holds(self, connection: Connection, settlements: Sequence[Settlement]) -> bool:
        written = [settlement.held for settlement in settlements if settlement.held.has_rows]
        numbers = [held.number for held in written if held.parts]
        if not numbers:
            return True
        ended = connection.execute(self._sql.end_holds, {"reservations": _json(numbers)}).rowcount
        return ended == sum(len(held.parts) for held in written)

    def _change(self, connection: Connection, changes: Iterable[Change]) -> None:
        sums: dict[tuple[int, int | None], list[int]] = {}
        for allowance, period_start, spent, leased in changes:
            amounts = sums.setdefault((allowance, period_start), [0, 0])
            amounts[0] += spent
            amounts[1] += leased
        deltas = [(*key, *amounts) for key, amounts in sums.items() if any(amounts)]
        if deltas:
            text = _json(deltas)
            connection.execute(self._sql.charge, {"deltas": text})
            connection.execute(self._sql.reduce_leases, {"deltas": text, "process": self.process})

    def _write_lines(self, connection: Connection, settlements: Sequence[Settlement]) -> None:
        rows = [lines.to_row(entry, ended.is_overrun) for ended in settlements for entry in ended.entries]
        self._sql.insert_lines.insert(connection, rows)
        for ended in settlements:
            if ended.kept is not None:
                connection.execute(self._keep, ended.kept)
        sums.add(connection, self._sql.add_usage, (entry for ended in settlements for entry in ended.entries))

    def _take(self, connection: Connection, takings: Sequence[Taking]) -> None:
        wanted = {want.allowance for taking in takings for want in taking.wants}
        now = max(taking.now for taking in takings)
        balances = current_balances(connection, self._sql, wanted, now)
        before = {balance.allowance: balance.leased for balance in balances.values()}
        for taking in takings:
            taking.granted, taking.refused, taking.elsewhere = (), None, 0
            decide(taking, balances, self._is_strict)
        self._lease(connection, [(balance, balance.leased - before[number]) for number, balance in balances.items()])
        rows = [row for taking in takings if taking.granted for row in _rows_of_taking(taking)]
        self._sql.insert_holds.insert(connection, rows)
        self._recall(connection, takings, now)

    def _recall(self, connection: Connection, takings: Sequence[Taking], now: int) -> None:
        """Asks other processes for what they keep ready of allowances that refused a call."""
        refused = {taking.refused.want.allowance for taking in takings if taking.refused is not None}
        if not refused:
            return
        wanted = {"allowances": _json(list(refused)), "process": self.process}
        idle = dict(connection.execute(self._sql.idle_elsewhere, wanted).fetchall())
        self._sql.recall.insert(connection, [(allowance, now) for allowance in idle])
        for taking in takings:
            if taking.refused is not None:
                taking.elsewhere = idle.get(taking.refused.want.allowance, 0)

    def _lease(self, connection: Connection, changes: Sequence[tuple[Balance, int]]) -> None:
        leased = [(balance.allowance, self.process, balance.period, amount) for balance, amount in changes if amount]
        if not leased:
            return
        deltas = _json([(allowance, amount) for allowance, _, _, amount in leased])
        if connection.execute(self._sql.lease, {"deltas": deltas}).rowcount != len(leased):
            raise RuntimeError("an allowance changed inside the transaction that leases from it")
        self._sql.insert_leases.insert(connection, leased)


def append_lines(connection: Connection, sql: LedgerSql, entries: Iterable[LedgerEntry]) -> None:
    """Adds lines of calls that may have some already: they get the attempt numbers that follow."""
    for entry in entries:
        (last,) = connection.execute(sql.last_attempt, {"request_id": entry.request_id}).fetchone()
        attempt = entry.attempt if last is None else max(last + 1, entry.attempt)
        sql.insert_lines.insert(connection, [lines.to_row(entry._replace(attempt=attempt))])
        sums.add(connection, sql.add_usage, (entry,))


def current_balances(
    connection: Connection, sql: LedgerSql, allowances: Collection[int], now: int
) -> dict[int, Balance]:
    """Allowances as they stand, by number. A period that is over by `now` ends here: its leases are void. So does
    what was on top of one until then: what is still leased of it makes it negative until it comes back.

    A clock that was set back ends no period, and brings none back.
    """
    rows = connection.execute(sql.balances, {"allowances": _json(list(allowances))}).fetchall()
    balances = {row[0]: Balance(*row) for row in rows}
    for balance in balances.values():
        if balance.extra_until is not None and balance.extra_until <= now:
            balance.granted -= balance.extra
            balance.extra, balance.extra_until = 0, None
            connection.execute(sql.end_extra, {"allowance": balance.allowance})
        if balance.ends_at is not None and balance.ends_at <= now:
            balance.period, balance.ends_at = period(Reset(balance.reset), now, balance.zone)
            balance.spent = balance.leased = 0
            begun = {"allowance": balance.allowance, "start": balance.period, "end": balance.ends_at}
            connection.execute(sql.begin_period, begun)
            connection.execute(sql.void_leases, {"allowance": balance.allowance})
    return balances


def _rows(held: Held) -> list[tuple[object, ...]]:
    return _hold_rows(held, [(lease.allowance, lease.period, amount) for lease, amount, _ in held.parts])


def _rows_of_taking(taking: Taking) -> list[tuple[object, ...]]:
    kept = [(lease.allowance, lease.period, amount) for lease, amount, _ in taking.held.parts]
    taken = [(given.want.allowance, given.period, given.held) for given in taking.granted]
    return _hold_rows(taking.held, kept + taken)


def _hold_rows(held: Held, parts: Sequence[tuple[int, int | None, int]]) -> list[tuple[object, ...]]:
    """The rows of a reservation; the first also keeps the line to write if the process dies."""
    if held.estimate is None:
        raise ValueError("a hold is written with its estimate")
    number, process, request_id, at = held.number, held.process, held.request_id, microseconds(held.estimate.at)
    estimate: str | None = lines.to_json(held.estimate)
    rows: list[tuple[object, ...]] = []
    for allowance, period_start, amount in parts:
        rows.append((number, allowance, process, period_start, amount, request_id, at, estimate))
        estimate = None
    return rows


def _json(value: object) -> str:
    return _encode(value).decode()
