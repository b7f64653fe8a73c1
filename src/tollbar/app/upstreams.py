"""The upstreams of these settings, ready to be called: what a start serves, and what `tollbar models` shows."""

from collections.abc import Mapping

from tollbar.app.catalogue import GUIDE_PROVIDER, Offer, offer
from tollbar.ports.clock import Clock
from tollbar.ports.providers import Provider
from tollbar.providers import connect, vendors
from tollbar.providers.discovery import LocalServer, discover
from tollbar.providers.guide import GuideProvider
from tollbar.providers.prices import Prices
from tollbar.providers.transport import Transport
from tollbar.settings import Settings


async def open_upstreams(
    settings: Settings, transport: Transport, prices: Prices, clock: Clock
) -> tuple[tuple[LocalServer, ...], Offer, Mapping[str, Provider]]:
    """The servers found on this machine, what is offered, and a provider for each name that targets use.

    Nobody but the usual ports of this machine is asked. Raises VendorFaults.
    """
    rows = vendors.load()
    servers = await discover(rows, transport, settings.vendors.ollama_host or "", {settings.server.port})
    made = offer(settings, rows, servers, prices)
    providers: dict[str, Provider] = {
        name: connect(instance, transport, clock) for name, instance in made.instances.items()
    }
    return servers, made, {**providers, GUIDE_PROVIDER: GuideProvider()}
