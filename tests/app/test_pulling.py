"""Where models come from, as the settings say."""

import asyncio
from pathlib import Path

import pytest

from tests.hub import TOKEN, FakeHub
from tests.providers.local.models import write_model
from tests.settings.making import make
from tollbar.app.local import shelf_of
from tollbar.app.pulling import model_source, open_pulls
from tollbar.clock import SystemClock
from tollbar.domain.errors import Conflict
from tollbar.domain.local_models import PullState

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data directory of its own: `data` is looked for where the process is."""
    monkeypatch.chdir(tmp_path)


async def test_the_settings_reach_the_hub(tmp_path: Path) -> None:
    """Endpoint and token are those of the settings, and the shelf is that of the data directory."""
    with FakeHub() as hub:
        hub.add("lab/tiny", {"a.gguf": write_model(tmp_path / "a.gguf").read_bytes()}, is_private=True)
        settings = make(tmp_path, environment={"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN})
        async with asyncio.TaskGroup() as tasks, open_pulls(settings, SystemClock(), tasks.create_task) as pulls:
            pull = await pulls.start("lab/tiny")
            assert [seen.progress.state async for seen in pulls.watch(pull)][-1] is PullState.DONE
    assert [model.name for model in shelf_of(settings).list()] == ["a"]


async def test_offline_is_offline(tmp_path: Path) -> None:
    """The setting alone decides, whatever the hub is."""
    settings = make(tmp_path, environment={"HF_HUB_OFFLINE": "true"})
    async with model_source(settings, SystemClock()) as source:
        with pytest.raises(Conflict, match="HF_HUB_OFFLINE"):
            await source.plan("tinyllama", may_be_path=False)


async def test_a_server_that_stops_leaves_its_pulls_for_the_next(tmp_path: Path) -> None:
    """What is under way ends with it, and what had come stays."""
    with FakeHub() as hub:
        hub.add("lab/tiny", {"a.gguf": write_model(tmp_path / "a.gguf").read_bytes()})
        hub.plan("stall:1500000")
        settings = make(tmp_path, environment={"HF_ENDPOINT": hub.endpoint})
        async with asyncio.TaskGroup() as tasks, open_pulls(settings, SystemClock(), tasks.create_task) as pulls:
            pull = await pulls.start("lab/tiny")
            async for seen in pulls.watch(pull):
                if seen.progress.done_bytes:
                    break
        assert shelf_of(settings).list() == ()
        async with model_source(settings, SystemClock()) as source:
            assert 0 < (await source.plan("lab/tiny", may_be_path=False)).missing_bytes < pull.plan.size_bytes
