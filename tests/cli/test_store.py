"""The open store, as commands work with it."""

from pathlib import Path

import pytest

from tollbar.cli.store import open_store
from tollbar.domain.identity import Key, Permission
from tollbar.settings import load


@pytest.mark.anyio
async def test_what_is_stored_is_there_the_next_time(tmp_path: Path) -> None:
    """The store of a data directory is opened again with the same keys and the same digests."""
    settings = load({"TOLLBAR_DATA": str(tmp_path)}, {}, directory=tmp_path)
    async with open_store(settings) as desk:
        digest = desk.digest("secret")
        await desk.keys.add(Key("id", "name", "hint", Permission.CALL, desk.clock.now()), digest, ())
    async with open_store(settings) as desk:
        assert desk.digest("secret") == digest
        found = await desk.keys.find(digest)
    assert found is not None
    assert found.name == "name"
