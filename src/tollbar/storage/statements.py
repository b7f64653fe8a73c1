"""The SQL that the store runs, as text: compiled from the tables by `compiling.py`, and kept by `kept.py`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice

from tollbar.storage.engine import Connection

# Rows of one INSERT, largest first: a batch of any size is a handful of statements, and each is prepared once.
# The largest has 5,888 values, where SQLite takes 32,766.
CHUNKS = (256, 64, 16, 4, 1)

ALERTS_SHOWN = 200
"""Alerts that are shown at once, the newest."""
END_USERS_SHOWN = 1_000
"""End users of a key or a team that are shown at once, those that were seen last for the first time."""
LINES_AT_ONCE = 1_000
"""Lines of the ledger that are read at once by who follows it."""
ANSWERS_PRUNED_AT_ONCE = 100
"""Answers, or responses, that one transaction deletes: each may hold a mebibyte."""
MOST_TURNS = 1_000
"""Responses that one goes on from: further back nobody looks."""


@dataclass(frozen=True)
class Rows:
    """An INSERT of any number of rows: what stands before the first row, one row, and what follows the last."""

    head: str
    row: str
    tail: str

    def insert(self, connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
        """Adds the rows, in order. SQLite gives up the interpreter at each statement, hence few and large ones."""
        remaining = iter(rows)
        for size in _chunks(len(rows)):
            connection.execute(self._texts[size], tuple(chain.from_iterable(islice(remaining, size))))

    @cached_property
    def _texts(self) -> Mapping[int, str]:
        return {size: self.head + ", ".join([self.row] * size) + self.tail for size in CHUNKS}


@dataclass(frozen=True, slots=True)
class LedgerSql:
    """Statements over allowances, leases, holds and ledger lines."""

    insert_process: str
    find_process: str
    beat: str
    other_processes: str
    insert_holds: Rows
    end_holds: str
    charge: str
    charge_unheld: str
    reduce_leases: str
    insert_lines: Rows
    add_usage: Rows
    last_attempt: str
    balances: str
    begin_period: str
    end_extra: str
    void_leases: str
    idle_elsewhere: str
    recall: Rows
    recalled: str
    forget_recalls: str
    lease: str
    insert_leases: Rows
    open_holds: str
    return_leases: str
    delete_holds: str
    delete_leases: str
    delete_processes: str


@dataclass(frozen=True, slots=True)
class KeySql:
    """Statements over keys and their secrets, and the allowances as their keepers see them."""

    find: str
    insert_key: str
    insert_secret: str
    insert_allowance: str
    keys: str
    key: str
    id_of_name: str
    id_of_bound: str
    standings: str
    standing: str
    covering: str
    shared: str
    change_key: str
    retire_secrets: str
    regrant: str
    top_up: str
    note_change: str
    changes: str


@dataclass(frozen=True, slots=True)
class RotationSql:
    """Statements over the rotating key in force."""

    find: str
    put: str


@dataclass(frozen=True, slots=True)
class RequestSql:
    """Statements over the request log."""

    insert: Rows
    find: str
    lines: str
    oldest: str
    first_kept: str
    prune: str
    of_user: str
    forget_user: str


@dataclass(frozen=True, slots=True)
class TeamSql:
    """Statements over teams."""

    insert: str
    all: str
    one: str
    change: str


@dataclass(frozen=True, slots=True)
class AuditSql:
    """Statements over the audit: it is added to and read, never changed."""

    add: str
    last: str
    page: str
    all: str


@dataclass(frozen=True, slots=True)
class EndUserSql:
    """Statements over end users and what they spent."""

    insert: str
    named: str
    one: str
    count: str
    newest: str
    standings: str
    block: str
    renew: str
    rename: str


@dataclass(frozen=True, slots=True)
class UsageSql:
    """Statements over what was used, and the ledger's newest lines."""

    by_day: str
    of_key: str
    of_team: str
    of_all: str
    last_line: str
    lines_after: str


@dataclass(frozen=True, slots=True)
class AnswerSql:
    """Statements over the answers that are kept for who asks again."""

    find: str
    claim: str
    keep: str
    free: str
    prune: str


@dataclass(frozen=True, slots=True)
class CancelSql:
    """Statements over calls that are to be ended, or asked for."""

    ask: str
    asked: str
    tell: str
    is_told: str
    forget: str
    note: str
    news: str
    report: str
    questions: str
    reports: str
    processes: str
    forget_reports: str


@dataclass(frozen=True, slots=True)
class AlertSql:
    """Statements over thresholds, alerts and the webhook."""

    standings: str
    thresholds: str
    set_thresholds: str
    add: str
    due: str
    claim: str
    delivered: str
    failed: str
    newest: str
    prune: str
    hook: str
    put_hook: str
    drop_hook: str


@dataclass(frozen=True, slots=True)
class ResponseSql:
    """Statements over the responses that are kept."""

    keep: str
    prolong: str
    find: str
    thread: str
    remove: str
    prune: str
    crowded: str


@dataclass(frozen=True, slots=True)
class FileSql:
    """Statements over the files at providers."""

    add: str
    find: str
    known: str
    all: str
    remove: str


@dataclass(frozen=True, slots=True)
class Statements:
    """Everything the store says to its database."""

    ledger: LedgerSql
    keys: KeySql
    rotation: RotationSql
    requests: RequestSql
    answers: AnswerSql
    teams: TeamSql
    audit: AuditSql
    cancels: CancelSql
    alerts: AlertSql
    responses: ResponseSql
    files: FileSql
    end_users: EndUserSql
    usage: UsageSql


def _chunks(count: int) -> Iterator[int]:
    for size in CHUNKS:
        times, count = divmod(count, size)
        yield from (size for _ in range(times))
