"""What a call costs when the store holds many keys, against what it costs with ten."""

import http.client
import json
import secrets
import sqlite3
import statistics
from collections.abc import Iterator
from contextlib import closing

from bench import gateway
from bench.gateway import AMPLE, Gateway, Installation
from bench.plan import Plan
from bench.report import Budget, Figure, Report
from bench.stage import Stage, calls

FEW = 10


def measure(report: Report, stage: Stage, installation: Installation, plan: Plan) -> None:
    """CPU per plain request with ten keys in turn, then with very many stored and more of them in use."""
    admin = gateway.make_admin_key(installation)
    with gateway.running(installation, (gateway.make_key(installation, "first"),)) as running:
        keys = tuple(make_keys(running, admin, plan.growth_callers))
        few = costs(stage, gateway.with_keys(running, keys[:FEW]), plan)
    fill(installation, plan.growth_keys)
    with gateway.running(installation, keys) as running:
        many = costs(stage, running, plan)
    growth = (statistics.median(many) / statistics.median(few) - 1) * 100
    name = f"cost growth, {FEW} to {plan.growth_keys:,} keys"
    report.figures.append(Figure(name, "%", [growth], Budget(10, 3)))
    report.notes.append(
        f"A plain request costs {statistics.median(few):.0f} µs with {FEW} keys in use, and "
        f"{statistics.median(many):.0f} µs with {plan.growth_callers:,} in use of {plan.growth_keys:,}."
    )


def costs(stage: Stage, running: Gateway, plan: Plan) -> list[float]:
    """CPU per plain request, in microseconds, once per run."""
    stage.driver.drive(calls(running, "plain", plan.warm_seconds))
    values = []
    for _ in range(plan.growth_runs):
        result, spent_seconds = stage.driver.cpu(running.pid, calls(running, "plain", plan.run_seconds))
        values.append(spent_seconds / result.answered * 1e6)
    return values


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
        store.row_factory = sqlite3.Row
        key = dict(store.execute("SELECT * FROM keys WHERE name = 'caller 0'").fetchone())
        secret = dict(store.execute("SELECT * FROM secrets WHERE key_id = ?", (key["id"],)).fetchone())
        allowances = [dict(row) for row in store.execute("SELECT * FROM allowances WHERE key_id = ?", (key["id"],))]
        stored = store.execute("SELECT count(*) FROM keys").fetchone()[0]
        last = store.execute("SELECT max(id) FROM allowances").fetchone()[0]
        copies = [(f"copy{number:06}", number) for number in range(count - stored)]
        _insert(store, "keys", (key | {"id": name, "name": name} for name, _ in copies))
        _insert(store, "secrets", (secret | {"key_id": name, "digest": secrets.token_bytes(32)} for name, _ in copies))
        untouched = {"spent": 0, "leased": 0}
        for place, allowance in enumerate(allowances):
            first = last + 1 + place * count
            _insert(
                store,
                "allowances",
                (allowance | {"id": first + number, "key_id": name} | untouched for name, number in copies),
            )


def _insert(store: sqlite3.Connection, table: str, rows: Iterator[dict[str, object]]) -> None:
    first = next(rows)
    columns = ", ".join(first)
    marks = ", ".join("?" for _ in first)
    statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - our own names
    store.execute(statement, tuple(first.values()))
    store.executemany(statement, (tuple(row.values()) for row in rows))
