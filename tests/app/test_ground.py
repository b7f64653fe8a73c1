"""What a product stands on: it opens whole, closes with its stack, and makes its keys once."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.app.making import settings_of
from tollbar.app.ground import make_keys, open_ground
from tollbar.clock import SystemClock
from tollbar.storage.engine import StoreRefused

pytestmark = pytest.mark.anyio


async def test_the_first_start_makes_an_admin_key(tmp_path: Path) -> None:
    """The next finds it, and makes none; the starter key is asked for, or it is not made."""
    settings = settings_of(tmp_path)
    for is_first in (True, False):
        async with AsyncExitStack() as stack:
            ground = await open_ground(settings, SystemClock(), None, stack)
            made = await make_keys(ground, makes_starter_key=not is_first)
            assert (made.admin is not None, made.starter is not None) == (is_first, not is_first)
            for secret in filter(None, (made.admin, made.starter)):
                assert await ground.storage.keys.find(ground.digest_of(secret)) is not None


async def test_another_secret_is_refused(tmp_path: Path) -> None:
    """Its keys would be digested otherwise: nobody could call, so nothing starts."""
    theirs = settings_of(tmp_path, TOLLBAR_SECRET="the-secret-of-the-first-start-0123456789")
    async with AsyncExitStack() as stack:
        await open_ground(theirs, SystemClock(), None, stack)
    others = settings_of(tmp_path, TOLLBAR_SECRET="quite-another-secret-9876543210-abcdefgh")
    async with AsyncExitStack() as stack:
        with pytest.raises(StoreRefused, match="secret"):
            await open_ground(others, SystemClock(), None, stack)
