"""Brings the tables to the form that this version of the program knows.

All migrations that are missing run in one transaction: they are there in the end, or none is. A store that is current
costs one small read and no import of Alembic. A store that a newer version made, or that cannot be brought up to date,
raises `StoreRefused`, which names the file and the remedy.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from tollbar.storage.engine import Database, StoreRefused

# The newest migration in `migrations/versions`.
NEWEST = "0004"


def upgrade(database: Database) -> None:
    """Runs the missing migrations; raises StoreRefused when that cannot be done."""
    with closing(database.writer()) as connection:
        found = revision(connection)
        if found == NEWEST:
            return
        if found is not None and found > NEWEST:
            raise StoreRefused(
                f"The database {database.path} was made by a newer version (its form is {found}; {NEWEST} is known).",
                "Use that version again, or restore a backup of before the upgrade.",
            )
        _migrate(connection, database.path)


def revision(connection: sqlite3.Connection) -> str | None:
    """The newest migration that ran on this database; None when it is new."""
    table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if table else None
    return row[0] if row else None


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy import StaticPool, create_engine, event
    from sqlalchemy.exc import SQLAlchemyError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    # The driver would begin no transaction for a CREATE TABLE; and two starting processes must take turns.
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as migrating:
            config.attributes["connection"] = migrating
            command.upgrade(config, "head")
    except (SQLAlchemyError, CommandError, sqlite3.Error) as fault:
        raise StoreRefused(
            f"The database {path} could not be brought up to date, and is as it was: {fault}.",
            "Free some disk space if that is the cause; else go back to the version that made it, and report this.",
        ) from fault
