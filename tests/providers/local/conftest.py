"""What the tests of pulling share: a hub on loopback, a small real model, and a way to pull from there."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.hub import FakeHub
from tests.providers.local.models import write_model
from tollbar.clock import SystemClock
from tollbar.ports.clock import Clock
from tollbar.providers.local.hub import Hub, HubOptions
from tollbar.providers.local.names import Names, load
from tollbar.providers.local.ollama import Ollama
from tollbar.providers.local.pulling import Pulling, Sources, free_bytes
from tollbar.providers.local.shelf import Shelf
from tollbar.providers.transport.fetching import Fetcher


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small model that is one."""
    return write_model(tmp_path_factory.mktemp("weights") / "tiny.gguf").read_bytes()


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A hub on loopback."""
    with FakeHub() as server:
        yield server


class SwiftClock(SystemClock):
    """The real time, though nobody waits for it."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Notes the wait, and has a short one in its place."""
        self.slept.append(seconds)
        await super().sleep(min(seconds, 0.01))


@asynccontextmanager
async def pulling(
    folder: Path,
    options: HubOptions,
    clock: Clock | None = None,
    free: int | None = None,
    names: Names | None = None,
    ollama: str = "http://127.0.0.1:1",
    silence_seconds: float = 5.0,
) -> AsyncIterator[Pulling]:
    """Pulls onto the shelf of a folder."""
    clock = clock or SwiftClock()
    async with Fetcher(silence_seconds=silence_seconds) as fetcher:
        sources = Sources(names or load(), Hub(fetcher, clock, options), Ollama(fetcher, ollama))
        yield Pulling(Shelf(folder), sources, clock, free_bytes if free is None else lambda _: free)
