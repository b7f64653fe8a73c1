"""Migrations: they make exactly the tables of `schema.py`, and refuse what they cannot do."""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tollbar.storage import upgrade as upgrading
from tollbar.storage.engine import Database, StoreRefused, prepare
from tollbar.storage.schema import metadata
from tollbar.storage.upgrade import NEWEST, revision, upgrade


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A new database."""
    return Database(prepare(tmp_path))


def definitions(database: Database) -> list[str]:
    """The definition of every table and index, white space and the order of their parts aside."""
    with closing(database.writer()) as connection:
        found = connection.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY type, name").fetchall()
    return [in_order(re.sub(r"\s+", " ", text)) for (text,) in found if "alembic_version" not in text]


def in_order(definition: str) -> str:
    """A definition with its columns and constraints sorted: a column that came later stands behind the constraints."""
    head, _, body = definition.partition("(")
    parts = sorted(part.strip() for part in re.split(r",(?![^()]*\))", body.strip(" )")))
    return f"{head}({', '.join(parts)})"


def test_migrations_make_exactly_the_tables_of_the_schema(tmp_path: Path) -> None:
    """Definition by definition: columns, constraints, indexes and the tables' form."""
    migrated, created = (Database(prepare(tmp_path / name)) for name in ("migrated", "created"))
    upgrade(migrated)
    engine = sa.create_engine(f"sqlite:///{created.path}", poolclass=sa.NullPool)
    metadata.create_all(engine)
    assert definitions(migrated) == definitions(created)


def test_alembic_sees_nothing_left_to_do(database: Database) -> None:
    """Its own comparison of the tables with the migrated database is empty."""
    upgrade(database)
    engine = sa.create_engine(f"sqlite:///{database.path}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_migration_is_the_one_that_is_named() -> None:
    """The number that spares a start the rest is that of the newest file."""
    folder = Path(upgrading.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == NEWEST


def test_upgrading_again_changes_nothing(database: Database) -> None:
    """The second start finds the database current."""
    upgrade(database)
    before = database.path.read_bytes()
    upgrade(database)
    assert database.path.read_bytes() == before
    with closing(database.writer()) as connection:
        assert revision(connection) == NEWEST


def test_a_current_database_needs_neither_alembic_nor_sqlalchemy(database: Database) -> None:
    """Both cost a start more than it has to spare."""
    upgrade(database)
    program = (
        "import sys; from pathlib import Path; from tollbar.storage.engine import Database\n"
        "from tollbar.storage.upgrade import upgrade; upgrade(Database(Path(sys.argv[1])))\n"
        "print({'alembic', 'sqlalchemy'} & set(sys.modules))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(database.path)], capture_output=True, text=True, check=True
    )
    assert told.stdout == "set()\n"


def test_a_newer_database_is_refused(database: Database) -> None:
    """It is named, with both versions, and is left as it was."""
    upgrade(database)
    with closing(database.writer()) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreRefused) as refusal:
        upgrade(database)
    assert str(database.path) in refusal.value.message
    assert "9999" in refusal.value.message


def test_a_migration_that_fails_leaves_everything_as_it_was(database: Database) -> None:
    """The database is named, the cause is told, and no table of the migration is there."""
    with closing(database.writer()) as connection:
        connection.execute("CREATE TABLE requests (x)")
    before = definitions(database)
    with pytest.raises(StoreRefused) as refusal:
        upgrade(database)
    assert (str(database.path) in refusal.value.message, "already exists" in refusal.value.message) == (True, True)
    assert definitions(database) == before
