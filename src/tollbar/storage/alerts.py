"""Alerts in the store: which allowances have reached a threshold, and the alerts on their way, until they are there.

That an allowance was spent is durable, and an alert is made of that; so a killed process loses none. Each is claimed
before it is sent, in whatever process, and whoever dies with it leaves it to be claimed again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tollbar.domain.alerts import GIVEN_UP_AFTER, Alert, Standing, wait_after
from tollbar.domain.audit import Actor
from tollbar.domain.errors import InvalidValue
from tollbar.domain.identity import Reset
from tollbar.domain.money import Unit
from tollbar.domain.teams import holder_of
from tollbar.ports.clock import Clock
from tollbar.ports.watching import SealedHook
from tollbar.storage.audit import Auditor
from tollbar.storage.engine import Connection
from tollbar.storage.journal import Journal
from tollbar.storage.reader import Reader
from tollbar.storage.statements import AlertSql, AuditSql
from tollbar.storage.times import maybe_microseconds, maybe_moment, microseconds, moment

_encode: Callable[[object], bytes] = msgspec.json.encode
_percents: Callable[[str], tuple[int, ...]] = msgspec.json.Decoder(tuple[int, ...]).decode


class StoredAlerts:
    """`ports.AlertStore` over the store."""

    def __init__(self, journal: Journal, reader: Reader, sql: tuple[AlertSql, AuditSql], clock: Clock) -> None:
        self._journal = journal
        self._reader = reader
        self._both = sql
        self._sql, audit = sql
        self._clock = clock
        self._auditor = Auditor(audit)

    def by(self, actor: Actor) -> "StoredAlerts":
        """See `ports.AlertStore`."""
        named = StoredAlerts(self._journal, self._reader, self._both, self._clock)
        named._auditor = self._auditor.by(actor)
        return named

    async def standings(self, lowest: int) -> Sequence[Standing]:
        """See `ports.AlertStore`."""
        sought = {"lowest": lowest}
        return await self._reader.run(
            lambda connection: [_standing(row) for row in connection.execute(self._sql.standings, sought)]
        )

    async def thresholds(self) -> Sequence[tuple[str, Unit, tuple[int, ...]]]:
        """See `ports.AlertStore`."""
        rows = await self._reader.run(lambda connection: connection.execute(self._sql.thresholds).fetchall())
        return [(owner, Unit(unit), _percents(at)) for owner, unit, at in rows]

    async def set_thresholds(self, owner: str, unit: Unit | None, at: Sequence[int] | None) -> None:
        """See `ports.AlertStore`."""
        text = None if at is None else _encode(at).decode()
        chosen = {"owner": owner, "unit": None if unit is None else unit.value, "alert_at": text}
        now = microseconds(self._clock.now())

        def change(connection: Connection) -> None:
            if not connection.execute(self._sql.set_thresholds, chosen).rowcount:
                which = f"no allowance of {unit}" if unit else "no allowance"
                raise InvalidValue(f"There is {which} to watch.", hint="Grant one first.", field=unit and "unit")
            said = {"alert_at": "the usual" if at is None else list(at), "unit": unit and unit.value}
            self._auditor.note(connection, now, ("alerts.thresholds", owner), {}, said)

        await self._journal.run(change)

    async def add(self, alerts: Sequence[Alert]) -> None:
        """See `ports.AlertStore`."""
        rows = [_row(alert) for alert in alerts]

        def add(connection: Connection) -> None:
            for row in rows:
                connection.execute(self._sql.add, row)

        await self._journal.run(add)

    async def claim(self) -> Alert | None:
        """See `ports.AlertStore`."""
        now = self._clock.now()
        return await self._journal.run(lambda connection: self._claim(connection, now))

    async def tell(self, alert_id: str, fault: str | None) -> None:
        """See `ports.AlertStore`."""
        at = microseconds(self._clock.now())
        sql = self._sql.delivered if fault is None else self._sql.failed
        told = {"alert": alert_id, "told_at": at} if fault is None else {"alert": alert_id, "told": fault}
        await self._journal.run(lambda connection: connection.execute(sql, told).rowcount)

    async def newest(self) -> Sequence[Alert]:
        """See `ports.AlertStore`."""
        rows = await self._reader.run(lambda connection: connection.execute(self._sql.newest).fetchall())
        return [_alert(row) for row in rows]

    async def hook(self) -> SealedHook | None:
        """See `ports.AlertStore`."""
        row = await self._reader.run(lambda connection: connection.execute(self._sql.hook).fetchone())
        return None if row is None else SealedHook(row[0], bytes(row[1]))

    async def set_hook(self, hook: SealedHook | None) -> None:
        """See `ports.AlertStore`."""
        now = microseconds(self._clock.now())

        def change(connection: Connection) -> None:
            row = connection.execute(self._sql.hook).fetchone()
            connection.execute(self._sql.drop_hook)
            if hook is not None:
                connection.execute(self._sql.put_hook, {"url": hook.url, "sealed": hook.sealed})
            was, now_is = ({"url": url} if url else {} for url in (row and row[0], hook and hook.url))
            self._auditor.note(connection, now, ("alerts.webhook", "webhook"), was, now_is)

        await self._journal.run(change)

    async def prune(self, before: datetime) -> None:
        """Forgets alerts of periods that are long over."""
        old = {"before": microseconds(before)}
        await self._journal.run(lambda connection: connection.execute(self._sql.prune, old).rowcount)

    def _claim(self, connection: Connection, now: datetime) -> Alert | None:
        due = {"now": microseconds(now)}
        row = connection.execute(self._sql.due, due).fetchone()
        if row is None:
            return None
        alert = _alert(row)
        attempts = alert.attempts + 1
        following = now + wait_after(attempts)
        next_at = following if following < alert.at + GIVEN_UP_AFTER else None
        claimed = {"alert": alert.id, "new_attempts": attempts, "new_next_at": maybe_microseconds(next_at)}
        connection.execute(self._sql.claim, claimed)
        return alert._replace(attempts=attempts, next_at=next_at)


def _standing(row: Sequence[Any]) -> Standing:
    number, owner, key, team, unit, granted, spent, reset, start, end, at = row
    own = None if at is None else _percents(at)
    amounts = Unit(unit), granted, spent, Reset(reset)
    return Standing(
        number, owner, key or team or owner, holder_of(owner), *amounts, moment(start), maybe_moment(end), own
    )


def _row(alert: Alert) -> dict[str, object]:
    return {**alert._asdict(), "at": microseconds(alert.at), "next_at": maybe_microseconds(alert.next_at)}


def _alert(row: Sequence[Any]) -> Alert:
    alert_id, allowance, threshold, period, body, at, attempts, next_at, delivered_at, fault = row
    moments = maybe_moment(next_at), maybe_moment(delivered_at)
    return Alert(alert_id, allowance, threshold, period, body, moment(at), attempts, *moments, fault)
