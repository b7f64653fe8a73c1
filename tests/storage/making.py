"""Stores on disk, and values to put into them, for the tests of the storage."""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from tests.fakes import FakeClock
from tollbar.domain.identity import AllowanceId, Grant, Key, Permission
from tollbar.domain.money import LineItem, Unit
from tollbar.domain.records import Attempt, LedgerEntry, Outcome, Provenance, RequestRecord
from tollbar.domain.usage import Usage
from tollbar.ports.clock import Clock
from tollbar.ports.money import Claim
from tollbar.storage.engine import DATABASE, Database, prepare
from tollbar.storage.kept import statements
from tollbar.storage.operations import Held
from tollbar.storage.store import Options, Storage, open_storage
from tollbar.storage.upgrade import upgrade

SECRET = b"a check value that says nothing"
AT = FakeClock().now()
DOLLAR = 1_000_000_000


class StepClock(FakeClock):
    """A clock whose wall time can be set without its durations going wrong."""

    step_seconds = 0.0

    def __init__(self) -> None:
        super().__init__(waits=True)

    def now(self) -> datetime:
        """The wall time: set off by the steps that were made."""
        return super().now() + timedelta(seconds=self.step_seconds)

    def go_to(self, moment: datetime) -> None:
        """Lets time pass until a moment."""
        self.advance((moment - self.now()).total_seconds())


@cache
def empty_store() -> bytes:
    """A new database as a file's bytes: migrating costs more than a test should."""
    with tempfile.TemporaryDirectory() as directory:
        database = Database(prepare(Path(directory)))
        upgrade(database)
        with closing(database.writer()) as connection:
            statements(connection)
        return database.path.read_bytes()


def a_directory(parent: Path) -> Path:
    """A data directory with a new database in it."""
    directory = parent / "data"
    directory.mkdir(mode=0o700)
    (directory / DATABASE).write_bytes(empty_store())
    return directory


@asynccontextmanager
async def opened(directory: Path, clock: Clock, is_strict: bool = False) -> AsyncIterator[Storage]:
    """A store whose ledger may reserve, beside others on the same file: as one of several workers has it."""
    async with open_storage(directory, clock, Options(SECRET, is_strict=is_strict)) as storage:
        await storage.ledger.start(is_alone=False)
        yield storage


@asynccontextmanager
async def opened_postgres(directory: Path, clock: Clock, address: str) -> AsyncIterator[Storage]:
    """The same on Postgres."""
    async with open_storage(directory, clock, Options(SECRET, address=address)) as storage:
        await storage.ledger.start(is_alone=False)
        yield storage


def a_key(name: str = "somebody", **fields: Any) -> Key:
    """A key; its id is its name."""
    values: dict[str, Any] = {
        "id": name,
        "name": name,
        "hint": f"sk-toll-{name}",
        "permission": Permission.CALL,
        "created_at": AT,
    }
    return Key(**{**values, **fields})


async def grant(storage: Storage, *grants: Grant, key: str = "somebody") -> list[AllowanceId]:
    """The allowances of a new key."""
    added = await storage.keys.add(a_key(key), key.encode().ljust(32, b"."), grants)
    return [allowance.id for allowance in added.allowances]


def a_line(request_id: str = "r1", **fields: Any) -> LedgerEntry:
    """A ledger line of one credit and a fifth of a dollar."""
    values: dict[str, Any] = {
        "request_id": request_id,
        "attempt": 0,
        "key_id": "somebody",
        "model": "smart",
        "target": "main/m",
        "outcome": Outcome.OK,
        "provenance": Provenance.PROVIDER_FINAL,
        "usage": Usage(prompt_tokens=120, completion_tokens=30),
        "paid": True,
        "credits": 1,
        "cost_nano_dollars": DOLLAR // 5,
        "price_version": "2026-01",
        "items": (LineItem("prompt", 120, 1_000_000), LineItem("completion", 30, 2_666_667)),
        "at": AT,
    }
    return LedgerEntry(**{**values, **fields})


def an_estimate(request_id: str = "r1", **fields: Any) -> LedgerEntry:
    """The line that a reservation keeps for the case that its process dies."""
    lost: dict[str, Any] = {"outcome": Outcome.LOST, "provenance": Provenance.ESTIMATE, "credits": 0}
    return a_line(request_id, **{**lost, **fields})


def estimating(request_id: str = "r1", **fields: Any) -> Callable[[], LedgerEntry]:
    """What makes that line, for a ledger that may never need it."""
    return lambda: an_estimate(request_id, **fields)


def a_record(request_id: str = "r1", **fields: Any) -> RequestRecord:
    """A record of a call that went well."""
    values: dict[str, Any] = {
        "request_id": request_id,
        "at": AT,
        "route": "/v1/chat/completions",
        "key_id": "somebody",
        "key_name": "Somebody",
        "address": "192.0.2.7",
        "model": "smart",
        "target": "main/m",
        "stream": True,
        "outcome": Outcome.OK,
        "status": 200,
        "error_code": None,
        "usage": Usage(prompt_tokens=120, completion_tokens=30, reasoning_tokens=7),
        "provenance": Provenance.PROVIDER_FINAL,
        "credits": 1,
        "cost_nano_dollars": DOLLAR // 5,
        "attempts": (Attempt("main/m", Outcome.OK, 0.25, 1.5),),
        "duration_seconds": 1.5,
        "first_token_seconds": 0.5,
        "stages": {"admit": 0.125},
    }
    return RequestRecord(**{**values, **fields})


async def take(storage: Storage, allowance: AllowanceId, amount: int = 1, request_id: str = "r1") -> Held:
    """A durable hold of an amount."""
    held = await storage.ledger.reserve(request_id, [Claim(allowance, amount, amount)], estimating(request_id))
    await held.committed()
    return held


async def pay(storage: Storage, held: Held, allowance: AllowanceId, amount: int = 1) -> None:
    """Settles a hold, with a line of the same amount of credits."""
    line = a_line(held.request_id, credits=amount)
    await storage.ledger.settle(held, [(allowance, amount)], [line])


def rows(directory: Path, statement: str) -> list[tuple[Any, ...]]:
    """What a query finds, over a connection of its own."""
    with closing(sqlite3.connect(directory / DATABASE)) as connection:
        return connection.execute(statement).fetchall()


def number(directory: Path, statement: str) -> int:
    """The one number that a query finds."""
    return rows(directory, statement)[0][0]


SUMMED = " UNION ALL ".join(
    f"""SELECT key_id, {whose}, at / 86400000000, model, count(*), sum(prompt_tokens), sum(completion_tokens),
        sum(credits), sum(coalesce(cost_nano_dollars, 0)), sum(CASE WHEN cost_nano_dollars IS NULL THEN 1 ELSE 0 END)
        FROM ledger WHERE paid = 1 AND {which} GROUP BY 1, 2, 3, 4"""
    for whose, which in (("''", "1 = 1"), ("end_user", "end_user IS NOT NULL"))
)
"""What the sums of `usage` must be, from the ledger itself."""


def imbalances(directory: Path) -> list[str]:
    """What in the store contradicts itself: leased amounts that nobody leased, or holds that no lease covers."""
    return imbalances_of(lambda statement: rows(directory, statement))


def imbalances_of(find: Callable[[str], list[tuple[Any, ...]]]) -> list[str]:
    """The same of a store that is asked by queries."""
    faults = []
    for allowance, leased, leases in find(
        """SELECT a.id, a.leased, coalesce((SELECT sum(amount) FROM leases l
           WHERE l.allowance = a.id AND l.period_start = a.period_start), 0) FROM allowances a""",
    ):
        if leased != leases:
            faults.append(f"allowance {allowance}: {leased} leased, {leases} in leases")
    for allowance, process, held, amount in find(
        """SELECT h.allowance, h.process, sum(h.amount), coalesce(max(l.amount), 0)
           FROM holds h JOIN allowances a ON a.id = h.allowance AND a.period_start = h.period_start
           LEFT JOIN leases l ON l.allowance = h.allowance AND l.process = h.process AND l.period_start = h.period_start
           GROUP BY h.allowance, h.process""",
    ):
        if amount < held:
            faults.append(f"allowance {allowance}: process {process} holds {held} of {amount}")
    kept, summed = set(find("SELECT * FROM usage")), set(find(SUMMED))
    return faults + [f"usage {row}: in one of the sums and the ledger only" for row in kept ^ summed]


def credit(amount: int) -> Grant:
    """Credits that never reset."""
    return Grant(Unit.CREDITS, amount)


async def outcomes(*calls: Any) -> Sequence[Any]:
    """What each of several calls at once returned or raised."""
    return await asyncio.gather(*calls, return_exceptions=True)
