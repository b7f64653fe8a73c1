"""What is kept for callers, here and at providers: responses and files."""

from datetime import timedelta

from tollbar.app.catalogue import Offer
from tollbar.domain.catalogue import Catalogue
from tollbar.gateway.clamping import Clamp
from tollbar.gateway.completions import Gateway
from tollbar.gateway.end_users import EndUsers
from tollbar.gateway.files import Files
from tollbar.gateway.repeats import Repeats
from tollbar.gateway.responses import Responses
from tollbar.providers import FILES
from tollbar.providers.objects import Objects
from tollbar.providers.transport import Transport
from tollbar.settings import Settings
from tollbar.storage.store import Storage
from tollbar.wire.shortening import shortened

WIRE = "responses"


def kept(settings: Settings, storage: Storage, made: Offer, transport: Transport) -> tuple[Responses | None, Files]:
    """How both are kept."""
    return responses(settings, storage, made, transport), files(settings, made, transport, storage)


def equip(gateway: Gateway, settings: Settings, storage: Storage) -> None:
    """Gives the gateway what not every installation has: answers that come once, people told apart, fitting lengths."""
    hours, most = settings.idempotency.keep_hours, settings.idempotency.max_bytes
    gateway.repeats = Repeats(storage.answers, timedelta(hours=hours), most) if hours else None
    gateway.end_users = EndUsers(storage.end_users)
    gateway.clamp = Clamp(gateway.admission, shortened) if settings.ledger.clamp else None


def responses(settings: Settings, storage: Storage, made: Offer, transport: Transport) -> Responses | None:
    """How responses are kept; None where none is."""
    days, most = settings.responses.keep_days, settings.responses.max_bytes
    houses = _houses(WIRE, made, transport)
    return Responses(storage.responses, timedelta(days=days), most, houses) if days else None


def files(settings: Settings, made: Offer, transport: Transport, storage: Storage) -> Files:
    """The providers that have files, and the usual one: the default model's, or the only one."""
    houses = _houses(FILES, made, transport)
    usual = next(iter(houses)) if len(houses) == 1 else ""
    default = _provider_of(made.catalogue.default_model, made.catalogue)
    return Files(houses, default if default in houses else usual, storage.files, settings.files.foreign)


def _provider_of(name: str, catalogue: Catalogue) -> str:
    """The first provider of a model, found without its price: that would be read at the start."""
    name = catalogue.aliases.get(name, name)
    if name in catalogue.models:
        return catalogue.models[name].targets[0].provider
    provider, slash, _ = name.partition("/")
    return provider if slash else next((owner for prefix, owner in catalogue.families if name.startswith(prefix)), "")


def _houses(what: str, made: Offer, transport: Transport) -> dict[str, Objects]:
    """The providers that have something, as those who keep it."""
    instances = made.instances.items()
    return {name: Objects(one, transport) for name, one in instances if what in (one.vendor.wire, *one.vendor.also)}
