"""Where models come from, as the settings say: what stands behind the port `ModelSource`, and the pulls of a server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tollbar.admin.pulls import Pulls, Spawn
from tollbar.app.local import shelf_of
from tollbar.ports.clock import Clock
from tollbar.providers.discovery import ollama_url
from tollbar.providers.local.board import Board
from tollbar.providers.local.hub import Hub, HubOptions
from tollbar.providers.local.names import load
from tollbar.providers.local.ollama import Ollama
from tollbar.providers.local.pulling import Pulling, Sources
from tollbar.providers.transport.fetching import Fetcher
from tollbar.settings import Settings

BOARD = ".pulls"
"""The folder, beside the models, where workers tell each other of pulls."""


@asynccontextmanager
async def model_source(settings: Settings, clock: Clock) -> AsyncIterator[Pulling]:
    """The source of models for the shelf of these settings, open as long as the block lasts."""
    token = settings.hub.token.reveal() if settings.hub.token else ""
    options = HubOptions(settings.hub.endpoint, token, settings.hub.offline)
    async with Fetcher(settings.egress.proxy, settings.egress.ca_file) as fetcher:
        ollama = Ollama(fetcher, ollama_url(settings.vendors.ollama_host or ""))
        yield Pulling(shelf_of(settings), Sources(load(), Hub(fetcher, clock, options), ollama), clock)


@asynccontextmanager
async def open_pulls(settings: Settings, clock: Clock, spawn: Spawn) -> AsyncIterator[Pulls]:
    """The pulls of a server; what is under way at the end is left for the next to go on with."""
    async with model_source(settings, clock) as source:
        board = Board(shelf_of(settings).folder / BOARD) if settings.server.workers > 1 else None
        pulls = Pulls(source, shelf_of(settings), clock, spawn, board)
        try:
            yield pulls
        finally:
            pulls.close()
            if board is not None:
                board.close()
