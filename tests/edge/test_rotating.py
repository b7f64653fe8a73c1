"""`/current-key`: for the admin secret alone, and only where there is one."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.edge.stage import ADMIN_KEY, Stage, a_stage, bearer
from tests.storage.making import StepClock, a_directory, opened
from tollbar.admin.rotating import RotatingKey, Sources
from tollbar.edge.services import Doors
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio

SECRET = (b"admin-secret", b"open sesame")
NONE = "This needs the admin secret. Send it as the header 'admin-secret'."
WRONG = "The admin secret is wrong."


async def a_rotating_stage(storage: Storage, clock: StepClock) -> Stage:
    """A stage with a rotating key."""
    stage = await a_stage()
    rotating = RotatingKey(storage.rotation, clock, str.encode, Sources(b"k" * 32), lambda: None)
    stage.rebuild(replace(Doors(), rotating=rotating, admin_secret=SECRET[1]))
    return stage


async def test_it_is_shown_to_who_has_the_admin_secret(tmp_path: Path) -> None:
    """Exactly two fields; never kept by a cache on the way."""
    clock = StepClock()
    async with opened(a_directory(tmp_path), clock) as storage:
        stage = await a_rotating_stage(storage, clock)
        answer = await stage.ask("GET", "/current-key", SECRET)
    assert answer.status == 200
    assert set(answer.json()) == {"api_key", "expiry"}
    assert answer.json()["expiry"] == "2026-01-08T02:00:00+00:00"
    assert answer.header("cache-control") == "no-store"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ((), NONE),
        (((b"admin-secret", b"open"),), WRONG),
        (((b"admin-secret", b""),), WRONG),
        (((b"admin-secret", b"\xff"),), WRONG),
        ((SECRET, SECRET), WRONG),
        ((bearer(ADMIN_KEY),), NONE),
        ((bearer("open sesame"),), NONE),
    ],
)
async def test_nothing_else_opens_it(tmp_path: Path, headers: tuple[tuple[bytes, bytes], ...], message: str) -> None:
    """Neither the admin key nor the secret in another place; and it is not told in the refusal."""
    clock = StepClock()
    async with opened(a_directory(tmp_path), clock) as storage:
        answer = await (await a_rotating_stage(storage, clock)).ask("GET", "/current-key", *headers)
    assert (answer.status, answer.error["code"], answer.error["message"]) == (401, "INVALID_API_KEY", message)
    assert b"sesame" not in answer.body


async def test_wrong_secrets_are_counted(tmp_path: Path) -> None:
    """Like wrong keys, and with them; the right one still opens."""
    clock = StepClock()
    async with opened(a_directory(tmp_path), clock) as storage:
        stage = await a_rotating_stage(storage, clock)
        wrong = [(await stage.ask("GET", "/current-key", (b"admin-secret", b"x"))).status for _ in range(21)]
        assert wrong == [401] * 20 + [429]
        assert (await stage.ask("GET", "/current-key", SECRET)).status == 200


async def test_without_an_admin_secret_there_is_nothing() -> None:
    """Not even an empty one opens it."""
    stage = await a_stage()
    for headers in ((), (SECRET,), ((b"admin-secret", b""),)):
        assert (await stage.ask("GET", "/current-key", *headers)).status == 404
