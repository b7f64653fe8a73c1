"""Teams in the store: what a refused change leaves behind, and allowances of before there were teams."""

from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from tests.storage.making import AT, StepClock, a_directory, number, opened, rows
from tollbar.domain.errors import Conflict, InvalidValue
from tollbar.domain.identity import Grant
from tollbar.domain.money import Unit
from tollbar.domain.teams import Team
from tollbar.ports.keys import KeyChange
from tollbar.storage import upgrade as upgrading
from tollbar.storage.engine import Database, prepare

pytestmark = pytest.mark.anyio


async def test_a_change_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    """Neither the team nor an allowance of it."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        for name in ("one", "two"):
            await storage.teams.add(Team(f"team_{name}", name, AT), [])
        grants = (Grant(Unit.CREDITS, 5),)
        with pytest.raises(Conflict):
            await storage.teams.change("team_one", KeyChange(name="two", grants=grants))
        with pytest.raises(InvalidValue):
            await storage.teams.change("team_one", KeyChange(grants=grants * 2))
        assert (await storage.teams.get("team_one")).version == 1
    assert number(directory, "SELECT count(*) FROM allowances") == 0


def test_allowances_of_before_are_their_keys(tmp_path: Path) -> None:
    """They move under the numbers that holds and leases know them by, with all that was spent."""
    database = Database(prepare(tmp_path))
    engine = create_engine(f"sqlite:///{database.path}")
    config = Config()
    config.set_main_option("script_location", str(Path(upgrading.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        connection.exec_driver_sql(
            "INSERT INTO keys (id, name, hint, permission, models, limits, created_at, version) "
            "VALUES ('k', 'k', '', 'call', '[]', '[]', 0, 1)"
        )
        connection.exec_driver_sql("INSERT INTO allowances VALUES (7, 'k', 'credits', 10, 4, 2, 'day', 1, 2)")
    engine.dispose()
    upgrading.upgrade(database)
    with closing(database.writer()) as connection:
        assert connection.execute("SELECT team FROM keys").fetchall() == [("",)]
    assert rows(tmp_path, "SELECT * FROM allowances") == [
        (7, "k", "credits", 10, 4, 2, "day", 1, 2, 0, None, "UTC", None)
    ]
