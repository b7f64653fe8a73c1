"""Makes and changes the allowances of keys and teams, within a transaction. What was spent and held of one stays."""

from collections.abc import Sequence
from dataclasses import replace

from tollbar.domain.errors import InvalidValue
from tollbar.domain.identity import Allowance, AllowanceId, Grant, Holder, TopUp
from tollbar.storage.engine import Connection
from tollbar.storage.statements import KeySql, LedgerSql
from tollbar.storage.times import maybe_moment, microseconds, period
from tollbar.storage.writing import current_balances

LARGEST_GRANT = 10**18
"""A billion dollars in nano-dollars; sums of a few such amounts stay within 64 bits."""


class Grants:
    """Writes them; belongs to the thread that writes."""

    def __init__(self, sql: KeySql, ledger_sql: LedgerSql) -> None:
        self._sql = sql
        self._ledger_sql = ledger_sql

    def put(
        self, connection: Connection, owner: str, grants: Sequence[Grant], present: Sequence[Allowance], now: int
    ) -> None:
        """Gives an owner these grants, in the place of present ones of their units."""
        known = {allowance.id.unit: allowance for allowance in present}
        for grant in grants:
            if grant.unit in known:
                self._regrant(connection, known[grant.unit], grant, now)
            else:
                self._grant(connection, owner, grant, now)

    def top_up(self, connection: Connection, top_ups: Sequence[TopUp], present: Sequence[Allowance], now: int) -> None:
        """Puts amounts on top of allowances until a moment, in the place of what is there; raises InvalidValue."""
        known = {allowance.id.unit: allowance.id.number for allowance in present}
        for unit, amount, until in ((one.unit, one.amount, microseconds(one.until)) for one in top_ups):
            if unit not in known:
                hint = "Without one, what it may spend has no bound."
                raise InvalidValue(f"There is no allowance of {unit} to be topped up.", field=unit.value, hint=hint)
            current_balances(connection, self._ledger_sql, [known[unit]], now)
            topped = {"allowance": known[unit], "amount": amount, "until": until if amount else None}
            connection.execute(self._sql.top_up, topped)

    def _grant(self, connection: Connection, owner: str, grant: Grant, now: int) -> None:
        start, end = period(grant.reset, now, grant.zone)
        amounts = {"granted": grant.amount, "spent": 0, "leased": 0}
        bounds = {"reset": grant.reset.value, "period_start": start, "period_end": end, "zone": grant.zone}
        connection.execute(self._sql.insert_allowance, {"owner": owner, "unit": grant.unit.value, **amounts, **bounds})

    def _regrant(self, connection: Connection, allowance: Allowance, grant: Grant, now: int) -> None:
        current_balances(connection, self._ledger_sql, [allowance.id.number], now)
        # The period goes on under its name, so that what is spent and held in it stays; only its end may move.
        _, end = period(grant.reset, now, grant.zone)
        granted = {"allowance": allowance.id.number, "amount": grant.amount, "reset": grant.reset.value, "end": end}
        granted["zone"] = grant.zone
        connection.execute(self._sql.regrant, granted)


def foreseen(grants: Sequence[Grant], present: Sequence[Allowance], now: int) -> tuple[Allowance, ...]:
    """How an end user's allowances would stand after `Grants.put`; one that would be new has no number."""
    standing = {allowance.id.unit: allowance for allowance in present}
    for grant in grants:
        before = standing.get(grant.unit, Allowance(AllowanceId(0, grant.unit, Holder.END_USER), 0, 0, 0))
        extra = before.top_up.amount if before.top_up else 0
        _, end = period(grant.reset, now, grant.zone)
        when = {"reset": grant.reset, "resets_at": maybe_moment(end), "zone": grant.zone}
        standing[grant.unit] = replace(before, granted=grant.amount + extra, **when)
    return tuple(standing.values())


def check(grants: Sequence[Grant]) -> None:
    """Raises InvalidValue for two grants of one unit, or too large a grant."""
    units = [grant.unit for grant in grants]
    if len(set(units)) < len(units):
        raise InvalidValue("There is one allowance of each unit: name each unit once.", field="grants")
    for grant in grants:
        if not 0 <= grant.amount <= LARGEST_GRANT:
            raise InvalidValue(f"A grant is a whole number from 0 to {LARGEST_GRANT}.", field="grants")
