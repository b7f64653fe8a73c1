"""What the settings say of callers, in the values that the product works with."""

from ipaddress import ip_network

from tollbar.edge.address import Addresses
from tollbar.edge.services import Doors
from tollbar.gateway.authenticate import Terms
from tollbar.settings import Settings


def doors(settings: Settings) -> Doors:
    """How callers come in."""
    return Doors(addresses(settings), frozenset(settings.tiers))


def terms(settings: Settings) -> Terms:
    """What a call costs in each tier, and who may call beside the keys of the store."""
    return Terms(tiers={name: tier.cost for name, tier in settings.tiers.items()})


def addresses(settings: Settings) -> Addresses:
    """Whose word about a caller's address is taken."""
    return Addresses(tuple(ip_network(network) for network in settings.server.trusted_proxies))
