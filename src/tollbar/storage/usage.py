"""What was used, read from the sums that the ledger writes; and the newest lines of the ledger, for who follows it."""

from collections.abc import Sequence
from datetime import date, timedelta

from tollbar.domain.identity import Holder, Principal
from tollbar.domain.records import DayUsage, LedgerEntry, Spending
from tollbar.storage.engine import Connection
from tollbar.storage.lines import from_row
from tollbar.storage.reader import Reader
from tollbar.storage.statements import UsageSql
from tollbar.storage.sums import EVERYBODY

FIRST_DAY = date(1970, 1, 1)


class StoredUsage:
    """`ports.UsageStore` over the store."""

    def __init__(self, reader: Reader, sql: UsageSql) -> None:
        self._reader = reader
        self._sql = sql

    async def by_day(self, key_id: str, end_user: str | None, since: date) -> Sequence[DayUsage]:
        """See `ports.UsageStore`."""
        wanted = {"key_id": key_id, "end_user": end_user or EVERYBODY, "first": _number(since)}
        rows = await self._reader.run(lambda connection: connection.execute(self._sql.by_day, wanted).fetchall())
        return [DayUsage(_day(number), *figures) for number, *figures in rows]

    async def spending(self, principal: Principal, holder: Holder, since: date) -> Spending | None:
        """See `ports.UsageStore`."""
        statement = {Holder.KEY: self._sql.of_key, Holder.INSTALLATION: self._sql.of_all}.get(holder, self._sql.of_team)
        end_user = principal.end_user if holder is Holder.END_USER else None
        wanted = {"key_id": principal.key_id, "end_user": end_user or EVERYBODY, "first": _number(since)}
        row = await self._reader.run(lambda connection: connection.execute(statement, wanted).fetchone())
        if row is None or row[0] is None:
            return None
        first, *figures = row
        return Spending(_day(first), *figures)

    async def last_line(self) -> int:
        """See `ports.UsageStore`."""
        return await self._reader.run(lambda connection: connection.execute(self._sql.last_line).fetchone()[0])

    async def lines_after(self, number: int) -> Sequence[tuple[int, LedgerEntry]]:
        """See `ports.UsageStore`."""

        def read(connection: Connection) -> Sequence[tuple[int, LedgerEntry]]:
            rows = connection.execute(self._sql.lines_after, {"last": number})
            return [(row[0], from_row(row[1:])) for row in rows]

        return await self._reader.run(read)


def _number(day: date) -> int:
    return (day - FIRST_DAY).days


def _day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number)
