"""Where answers come from: the providers of the settings, the engines of this machine, and the guide."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tollbar.app.catalogue import GUIDE_PROVIDER
from tollbar.app.local import Engines, Stock, local_chores, local_engines, shelf_of
from tollbar.app.meaning import learning, meaningful_guide
from tollbar.app.rounds import Rounds
from tollbar.app.stocked import stocked
from tollbar.app.upstreams import open_upstreams
from tollbar.gateway.completions import Gateway
from tollbar.ports.clock import Clock
from tollbar.ports.providers import Provider
from tollbar.providers.discovery import LocalServer
from tollbar.providers.guide import GuideProvider
from tollbar.providers.local.process import needed
from tollbar.providers.prices import Prices
from tollbar.providers.tokens.process import CountingProcess, Terms
from tollbar.providers.tokens.tokenizer import VENDORS, OpenAITokenizer
from tollbar.providers.transport import Transport
from tollbar.settings import LOCAL, Settings, read_environment


@dataclass(frozen=True, slots=True)
class Supply:
    """The providers by the names that targets use, what is offered of them, and the servers found on this machine."""

    providers: Mapping[str, Provider]
    stock: Stock
    servers: tuple[LocalServer, ...]
    engines: Engines
    guide: GuideProvider
    prices: Prices
    tokenizer: OpenAITokenizer


@asynccontextmanager
async def open_supply(settings: Settings, transport: Transport, clock: Clock) -> AsyncIterator[Supply]:
    """The supply of these settings; no engine and nothing that counts outlives the block. Raises VendorFaults."""
    prices = Prices(lambda: clock.now().date())
    servers, base, providers = await open_upstreams(settings, transport, prices, clock)
    counting = CountingProcess(Terms(needed(read_environment())))
    async with counting, local_engines(settings, clock) as engines:
        stock = Stock(shelf_of(settings), engines.fleet, lambda models: stocked(base, settings, models))
        guide = meaningful_guide(settings, engines.fleet, engines.provider, clock)
        ours = {LOCAL: engines.provider, **providers, GUIDE_PROVIDER: guide}  # a provider may be called `local`, too
        theirs = {name for name, instance in base.instances.items() if instance.vendor.name in VENDORS}
        yield Supply(ours, stock, servers, engines, guide, prices, OpenAITokenizer(theirs, counting.count))


def supply_chores(
    supply: Supply, data: Path, gateway: Gateway, rounds: Rounds
) -> tuple[Coroutine[None, None, None], ...]:
    """What goes on in the background: engines start and end, the shelf is looked at, guide and prices get ready."""
    local = local_chores(supply.engines.fleet, supply.stock, gateway, rounds)
    priced = (_load(supply.prices),) if supply.stock.offer.instances else ()
    return (*local, learning(supply.guide, data, rounds), *priced)


async def _load(prices: Prices) -> None:
    """Has the price table loaded, in a thread, before the first call needs it."""
    await asyncio.to_thread(prices.find, "openai", "gpt-4o-mini")
