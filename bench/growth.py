"""What a call costs when the store holds many keys, against what it costs with ten."""

import http.client
import json
import shutil
import sqlite3
import statistics
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from bench import gateway
from bench.gateway import AMPLE, Gateway, Installation
from bench.plan import Plan
from bench.report import Budget, Figure, Report
from bench.stage import Stage, calls

FEW = 10


def measure(report: Report, stage: Stage, installation: Installation, plan: Plan) -> None:
    """CPU per plain request with ten keys, and with very many stored and more of them in use; in turn, side by side."""
    admin = gateway.make_admin_key(installation)
    with gateway.running(installation, (gateway.make_key(installation, "first"),)) as running:
        keys = tuple(make_keys(running, admin, plan.growth_callers))
    large = replace(installation, folder=stage.folder / "large")
    shutil.copytree(installation.folder, large.folder)
    fill(large, plan.growth_keys)
    with gateway.running(installation, keys[:FEW]) as few, gateway.running(large, keys) as many:
        for running in (few, many):
            stage.driver.drive(calls(running, "plain", plan.warm_seconds))
        sides = [(running.pid, calls(running, "plain", plan.turn_seconds)) for running in (few, many)]
        costs = [
            [spent.microseconds for spent in stage.driver.compare(sides, plan.turns)] for _ in range(plan.growth_runs)
        ]
        start = many.start_seconds
    growths = [(more / less - 1) * 100 for less, more in costs]
    report.figures.append(Figure(f"cost growth, {FEW} to {plan.growth_keys:,} keys", "%", growths, Budget(10, 3)))
    report.figures.append(Figure(f"start to first answer, {plan.growth_keys:,} keys", "s", [start], Budget(2, 1)))
    less, more = (statistics.median(values) for values in zip(*costs, strict=True))
    report.notes.append(
        f"A plain request costs {less:.0f} µs with {FEW} keys in use, and {more:.0f} µs with {plan.growth_callers:,} "
        f"in use of {plan.growth_keys:,}."
    )


def make_keys(running: Gateway, admin: str, count: int) -> Iterator[str]:
    """New keys that can be used, made over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    wishes = {option.removeprefix("--"): int(value) for option, value in AMPLE.items()}
    headers = {"Authorization": f"Bearer {admin}", "Content-Type": "application/json"}
    for number in range(count):
        connection.request("POST", "/admin/api/keys", json.dumps({"name": f"caller {number}"} | wishes), headers)
        response = connection.getresponse()
        body = response.read()
        if response.status >= 300:
            raise RuntimeError(f"no key could be made: {response.status} {body[:300]!r}")
        yield json.loads(body)["key"]
    connection.close()


def fill(installation: Installation, count: int) -> None:
    """Copies a key and its allowances until so many are stored; the copies have secrets that nobody knows."""
    with closing(sqlite3.connect(installation.data / "tollbar.db")) as store, store:
        (source,) = store.execute("SELECT id FROM keys WHERE name = 'caller 0'").fetchone()
        (stored,) = store.execute("SELECT count(*) FROM keys").fetchone()
        name = "printf('copy%06d', number)"
        copied = {
            "keys": {"id": name, "name": name},
            "secrets": {"key_id": name, "digest": "randomblob(32)"},
            "allowances": {"owner": name, "id": "NULL", "spent": "0", "leased": "0"},
        }
        for table, replaced in copied.items():
            _copy(store, table, replaced, source, count - stored)


def _copy(store: sqlite3.Connection, table: str, replaced: dict[str, str], source: str, count: int) -> None:
    """Inserts copies of a key's rows, numbered from zero, with some columns replaced by expressions."""
    columns = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(replaced.get(column, column) for column in columns)
    owner = {"keys": "id", "secrets": "key_id", "allowances": "owner"}[table]
    numbers = "SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number + 1 < ?"
    into = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values}"
    statement = f"WITH RECURSIVE numbers(number) AS ({numbers}) {into} FROM {table}, numbers WHERE {owner} = ?"
    store.execute(statement, (count, source))
