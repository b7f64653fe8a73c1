"""Brings the tables to the form that this version of the program knows.

All migrations that are missing run in one transaction: they are there in the end, or none is. A store that is current
costs one small read and no import of Alembic. A store that a newer version made, or that cannot be brought up to date,
raises `StoreRefused`, which names the file and the remedy.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tollbar.storage.engine import Connection, Database, StoreRefused
from tollbar.storage.postgres import TURN, PostgresDatabase

# The newest migration in `migrations/versions`.
NEWEST = "0018"
HAS_REVISION = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'",
    "postgresql": "SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL",
}


def upgrade(database: Database | PostgresDatabase) -> None:
    """Runs the missing migrations; raises StoreRefused when that cannot be done."""
    with closing(database.writer()) as connection:
        found = revision(connection, database.dialect)
        if found == NEWEST:
            return
        if found is not None and found > NEWEST:
            raise StoreRefused(
                f"The database {database.name} was made by a newer version (its form is {found}; {NEWEST} is known).",
                "Use that version again, or restore a backup of before the upgrade.",
            )
        if isinstance(connection, sqlite3.Connection):
            _migrate(connection, Path(database.name))
    if isinstance(database, PostgresDatabase):
        asyncio.run(_migrate_postgres(database))


def revision(connection: Connection, dialect: str = "sqlite") -> str | None:
    """The newest migration that ran on this database; None when it is new."""
    table = connection.execute(HAS_REVISION[dialect]).fetchone()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if table else None
    return row[0] if row else None


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    from alembic.util import CommandError
    from sqlalchemy import StaticPool, create_engine, event
    from sqlalchemy.exc import SQLAlchemyError

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    # The driver would begin no transaction for a CREATE TABLE; and two starting processes must take turns.
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as migrating:
            _run_migrations(migrating)
    except (SQLAlchemyError, CommandError, sqlite3.Error) as fault:
        raise StoreRefused(
            f"The database {path} could not be brought up to date, and is as it was: {fault}.",
            "Free some disk space if that is the cause; else go back to the version that made it, and report this.",
        ) from fault


async def _migrate_postgres(database: PostgresDatabase) -> None:
    import asyncpg
    from alembic.util import CommandError
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(database.address), poolclass=NullPool
    )
    try:
        async with engine.begin() as migrating:
            await migrating.execute(text(f"SELECT pg_advisory_xact_lock({TURN})"))  # two starts take turns
            await migrating.run_sync(_run_migrations)
    except (SQLAlchemyError, CommandError, asyncpg.PostgresError, OSError) as fault:
        raise StoreRefused(
            f"The database {database.name} could not be brought up to date, and is as it was: {fault}.",
            "Let its user create tables there; else go back to the version that made it, and report this.",
        ) from fault
    finally:
        await engine.dispose()


def _run_migrations(connection: Any) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
