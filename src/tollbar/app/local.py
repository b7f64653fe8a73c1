"""Models of this machine, as the composition root sees them: the shelf, the engines, and what is offered of them."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tollbar.app.catalogue import Offer
from tollbar.app.rounds import Rounds
from tollbar.domain.local_models import LocalModel
from tollbar.gateway.completions import Gateway
from tollbar.ports.clock import Clock
from tollbar.ports.providers import Provider
from tollbar.providers.local.fleet import Fleet
from tollbar.providers.local.memory import budget
from tollbar.providers.local.process import EngineProcess, Launch, needed
from tollbar.providers.local.provider import LocalProvider
from tollbar.providers.local.shelf import Shelf
from tollbar.providers.local.terms import Terms
from tollbar.providers.local.wire import EngineTransport
from tollbar.providers.openai import OpenAIProvider
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, custom
from tollbar.settings import LOCAL, Settings, read_environment

FOLDER = "models"
LOOK_SECONDS = 0.25
"""How often the shelf is looked at: what was pulled can be called within a second."""
TICK_SECONDS = 1.0


@dataclass(slots=True)
class Engines:
    """The engines of a gateway: what runs them, and the provider that calls them."""

    fleet: Fleet
    provider: LocalProvider


def shelf_of(settings: Settings) -> Shelf:
    """The shelf that `tollbar pull` fills."""
    return Shelf(settings.data / FOLDER)


def on_shelf(shelf: Shelf) -> tuple[LocalModel, ...]:
    """The models of a shelf, the one that was pulled first before the others."""
    pulled_at = {name.removesuffix(".json"): changed_at for name, changed_at, _ in shelf.version()}
    return tuple(sorted(shelf.list(), key=lambda model: pulled_at.get(model.name, 0)))


def local_terms(settings: Settings) -> Terms:
    """How the settings want models to be run. Workers run engines of their own, each within its share of the memory."""
    return Terms(
        context_tokens=settings.local.context_tokens,
        parallel=settings.local.parallel,
        replicas=settings.local.replicas,
        threads=settings.local.threads,
        memory_bytes=budget(settings.local.memory_mib) // settings.server.workers,
        idle_seconds=settings.local.idle_seconds,
        start_seconds=settings.local.start_seconds,
        queue=settings.local.queue,
        preload=settings.local.preload,
        weights={name: tier.weight for name, tier in settings.tiers.items()},
    )


@asynccontextmanager
async def local_engines(settings: Settings, clock: Clock) -> AsyncIterator[Engines]:
    """The engines, none of which runs yet; all of them end with the block."""
    terms = local_terms(settings)
    vendor = custom(LOCAL, "openai")

    def connect(engine: EngineProcess) -> Provider:
        way = watching if engine.order.format == "gguf" else plain  # the other engine tells nothing of its progress
        return OpenAIProvider(Instance(LOCAL, vendor, f"{engine.url}/v1", engine.order.key), way, clock)

    launch = Launch(environment=needed(read_environment()), seconds=terms.start_seconds)
    async with EngineTransport(clock) as watching, Transport(clock) as plain:
        async with Fleet(terms, launch, connect, clock) as fleet:
            yield Engines(fleet, LocalProvider(fleet, terms, clock))


class Stock:
    """What is offered as the shelf stands; `look` notices that it changed."""

    def __init__(self, shelf: Shelf, fleet: Fleet, make: Callable[[Sequence[LocalModel]], Offer]) -> None:
        self._shelf = shelf
        self._fleet = fleet
        self._make = make
        self._version = shelf.version()
        self.offer = self._renewed()

    def look(self) -> bool:
        """Whether the shelf has changed since; then `offer` is another."""
        version = self._shelf.version()
        if version == self._version:
            return False
        self._version = version
        self.offer = self._renewed()
        return True

    def _renewed(self) -> Offer:
        models = on_shelf(self._shelf)
        self._fleet.know({model.name: model for model in models})
        return self._make(models)


def local_chores(fleet: Fleet, stock: Stock, gateway: Gateway, rounds: Rounds) -> Sequence[Coroutine[None, None, None]]:
    """What goes on in the background: engines that should run start and idle ones end; the shelf is looked at."""

    async def tend() -> None:
        await rounds.once(fleet.tick)
        await rounds.every(TICK_SECONDS, fleet.tick)

    async def look() -> None:
        if stock.look():
            gateway.catalogue = stock.offer.catalogue

    return tend(), rounds.every(LOOK_SECONDS, look)
