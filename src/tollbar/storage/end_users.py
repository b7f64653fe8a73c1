"""End users in the store: made when a call first names one, with the allowances that their key or team grants to each.

Allowances follow the terms when a call names their end user next; every process does so within a second, since a
change of the terms has keys looked up anew. What was spent stays.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from tollbar.domain.audit import Actor
from tollbar.domain.end_users import ERASED, PREFIX, EndUser, EndUserChange
from tollbar.domain.errors import NotAllowed, NotFound
from tollbar.domain.identity import ALPHABET, ID_LENGTH, Allowance, EndUserTerms, draw
from tollbar.domain.redaction import masked
from tollbar.ports.clock import Clock
from tollbar.storage.audit import Auditor
from tollbar.storage.engine import Connection
from tollbar.storage.grants import Grants, foreseen
from tollbar.storage.journal import Journal
from tollbar.storage.reader import Reader
from tollbar.storage.standings import read_standing, to_allowance
from tollbar.storage.statements import Statements
from tollbar.storage.times import maybe_moment, microseconds, moment
from tollbar.storage.writing import current_balances

RECORDS_AT_ONCE = 1_000
"""Records of calls that one transaction takes a name out of; more would keep calls waiting for the journal."""

_Row = tuple[str, str, str, int, int | None]
_encode: Callable[[object], bytes] = msgspec.json.encode


class StoredEndUsers:
    """`ports.EndUserStore` over the store; a key or a team has at most `most` of them."""

    def __init__(self, journal: Journal, reader: Reader, statements: Statements, clock: Clock, most: int) -> None:
        self._journal = journal
        self._reader = reader
        self._statements = statements
        self._sql = statements.end_users
        self._grants = Grants(statements.keys, statements.ledger)
        self._clock = clock
        self._most = most
        self._auditor = Auditor(statements.audit)

    def by(self, actor: Actor) -> "StoredEndUsers":
        """See `ports.EndUserStore`."""
        named = StoredEndUsers(self._journal, self._reader, self._statements, self._clock, self._most)
        named._auditor = self._auditor.by(actor)
        return named

    async def admit(self, owner: str, name: str, terms: EndUserTerms) -> EndUser:
        """See `ports.EndUserStore`; one read, and a write where something is new."""
        now = microseconds(self._clock.now())
        found = await self._reader.run(lambda connection: self._find(connection, owner, name, now))
        if found is not None and _is_granted(found, terms):
            return found
        return await self._journal.run(lambda connection: self._admit(connection, owner, name, terms, now))

    async def foresee(self, owner: str, name: str, terms: EndUserTerms) -> EndUser:
        """See `ports.EndUserStore`."""
        now = microseconds(self._clock.now())

        def read(connection: Connection) -> EndUser:
            found = self._find(connection, owner, name, now) or self._new(connection, owner, name, now)
            return replace(found, allowances=foreseen(terms.grants, found.allowances, now))

        return await self._reader.run(read)

    async def list(self, owner: str, name: str = "") -> Sequence[EndUser]:
        """See `ports.EndUserStore`."""
        now = microseconds(self._clock.now())
        wanted = {"owner": owner, "name": name}

        def read(connection: Connection) -> Sequence[EndUser]:
            standings: defaultdict[str, list[Allowance]] = defaultdict(list)
            for row in connection.execute(self._sql.standings, wanted):
                standings[row[0]].append(to_allowance(row, now))
            return [_end_user(row, standings[row[0]]) for row in connection.execute(self._sql.newest, wanted)]

        return await self._reader.run(read)

    async def change(self, owner: str, end_user: str, change: EndUserChange) -> EndUser:
        """See `ports.EndUserStore`."""
        now = microseconds(self._clock.now())
        if change.erases:  # first, for the name tells which records they are
            await self._erase_from_records(owner, end_user, now)

        def apply(connection: Connection) -> EndUser:
            before = self._get(connection, owner, end_user, now)
            done: list[str] = []
            if change.is_blocked is not None:
                connection.execute(self._sql.block, {"id": before.id, "at": now if change.is_blocked else None})
                done.append("end_user.block" if change.is_blocked else "end_user.unblock")
            if change.renews:
                numbers = [allowance.id.number for allowance in before.allowances]
                current_balances(connection, self._statements.ledger, numbers, now)
                connection.execute(self._sql.renew, {"id": before.id})
                done.append("end_user.renew")
            if change.erases:
                connection.execute(self._sql.rename, {"user": before.id, "new_name": ERASED + _drawn()})
                done.append("end_user.erase")
            connection.execute(self._statements.keys.note_change)
            after = self._get(connection, owner, before.id, now)
            for action in done:
                self._auditor.note(connection, now, (action, before.id), _told(before), _told(after))
            return after

        return await self._journal.run(apply)

    async def _erase_from_records(self, owner: str, end_user: str, now: int) -> None:
        """Takes the name out of the records of calls with the owner's keys, a few at a time."""
        sql = self._statements.requests

        def find(connection: Connection) -> list[int]:
            wanted = {"name": masked(self._get(connection, owner, end_user, now).name), "owner": owner}
            return [number for (number,) in connection.execute(sql.of_user, wanted)]

        def forget(connection: Connection) -> None:
            connection.execute(sql.forget_user, {"ids": _encode(found[:RECORDS_AT_ONCE]).decode()})

        await self._journal.flush()
        found = await self._reader.run(find)
        while found:
            await self._journal.run(forget)
            found = found[RECORDS_AT_ONCE:]

    def _admit(self, connection: Connection, owner: str, name: str, terms: EndUserTerms, now: int) -> EndUser:
        found = self._find(connection, owner, name, now)
        if found is None:
            made = PREFIX + _drawn()
            found = replace(self._new(connection, owner, name, now), id=made)
            row = {"id": made, "owner": owner, "name": name, "first_seen_at": now, "blocked_at": None}
            connection.execute(self._sql.insert, row)
        self._grants.put(connection, found.id, terms.grants, found.allowances, now)
        return self._get(connection, owner, found.id, now)

    def _new(self, connection: Connection, owner: str, name: str, now: int) -> EndUser:
        """One who is not there yet, without an id; raises NotAllowed when there are too many."""
        (count,) = connection.execute(self._sql.count, {"owner": owner}).fetchone()
        if count >= self._most:
            raise NotAllowed(
                f"There are {count} end users already, and this one is new.",
                hint="The setting 'end_users.most' says how many a key or a team may have.",
                field="user",
            )
        return EndUser("", owner, name, moment(now))

    def _find(self, connection: Connection, owner: str, name: str, now: int) -> EndUser | None:
        row = connection.execute(self._sql.named, {"owner": owner, "name": name}).fetchone()
        return None if row is None else self._whole(connection, row, now)

    def _get(self, connection: Connection, owner: str, end_user: str, now: int) -> EndUser:
        row = connection.execute(self._sql.one, {"owner": owner, "id": end_user}).fetchone()
        if row is None:
            raise NotFound("There is no such end user.", hint="'tollbar keys end-users KEY' lists them.")
        return self._whole(connection, row, now)

    def _whole(self, connection: Connection, row: _Row, now: int) -> EndUser:
        return _end_user(row, read_standing(connection, self._statements.keys, row[0], now))


def _drawn() -> str:
    return draw([secrets.randbelow(len(ALPHABET)) for _ in range(ID_LENGTH)])


def _is_granted(end_user: EndUser, terms: EndUserTerms) -> bool:
    """Whether its allowances are what the terms grant; one that they grant no more stays, and counts for nothing."""
    present = {
        allowance.id.unit: (allowance.granted - (allowance.top_up.amount if allowance.top_up else 0), *_when(allowance))
        for allowance in end_user.allowances
    }
    return all(present.get(grant.unit) == (grant.amount, grant.reset, grant.zone) for grant in terms.grants)


def _when(allowance: Allowance) -> tuple[object, str]:
    return allowance.reset, allowance.zone


def _told(end_user: EndUser) -> dict[str, object]:
    """What the audit tells of one: not by which name."""
    spent = {allowance.id.unit.value: allowance.spent for allowance in end_user.allowances}
    return {"owner": end_user.owner, "is_blocked": end_user.blocked_at is not None, "spent": spent}


def _end_user(row: _Row, allowances: Sequence[Allowance]) -> EndUser:
    end_user, owner, name, first_seen_at, blocked_at = row
    return EndUser(end_user, owner, name, moment(first_seen_at), maybe_moment(blocked_at), tuple(allowances))
