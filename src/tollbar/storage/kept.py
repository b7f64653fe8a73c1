"""Keeps the store's SQL in the store, under a digest of the source it was compiled from.

Importing SQLAlchemy costs a start more than everything else here: a start that finds its statements does without.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tollbar.storage.engine import Connection
from tollbar.storage.statements import Statements

NAME = "statements"
SOURCES = (
    "schema.py",
    "dialects.py",
    "compiling.py",
    "ledger_sql.py",
    "alert_sql.py",
    "people_sql.py",
    "response_sql.py",
    "statements.py",
)


@dataclass(frozen=True, slots=True)
class _Kept:
    source: str
    statements: Statements


def statements(connection: Connection, dialect: str = "sqlite") -> Statements:
    """The store's statements: those kept in it if they are of this source, else compiled and kept."""
    source = _source_digest()
    kept = _kept(connection)
    if kept is not None and kept.source == source:
        return kept.statements
    from tollbar.storage.compiling import compile_statements  # and with it SQLAlchemy, only where it must be

    made = _Kept(source, compile_statements(dialect))
    if not source:
        return made.statements
    connection.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (NAME, msgspec.json.encode(made).decode()),
    )
    return made.statements


def _kept(connection: Connection) -> _Kept | None:
    found = connection.execute("SELECT value FROM meta WHERE name = ?", (NAME,)).fetchone()
    try:
        return msgspec.json.decode(found[0], type=_Kept) if found else None
    except msgspec.MsgspecError:
        return None


def _source_digest() -> str:
    """Empty where the package was installed without its source: then nothing is kept."""
    folder = Path(__file__).parent
    try:
        source = b"".join((folder / name).read_bytes() for name in SOURCES)
    except OSError:
        return ""
    return hashlib.sha256(source).hexdigest()
