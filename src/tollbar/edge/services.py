"""What the handlers of the control plane work with; made by the composition root, the same for every request."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tollbar.admin.alerts import Alerts
from tollbar.admin.pulls import Pulls
from tollbar.admin.rotating import RotatingKey
from tollbar.admin.self_service import SelfServiceTerms
from tollbar.domain.audit import Actor
from tollbar.domain.catalogue import Model
from tollbar.domain.records import CallHistory, RunningCalls
from tollbar.edge.address import NOBODY_TRUSTED, Addresses
from tollbar.gateway.completions import Gateway
from tollbar.gateway.feed import Feed
from tollbar.gateway.rates import PageGate
from tollbar.ports.clock import Clock
from tollbar.ports.keys import EndUserStore, KeyStore, TeamStore
from tollbar.ports.money import Ledger, UsageStore
from tollbar.ports.watching import AlertStore, AuditTrail


@dataclass(frozen=True, slots=True)
class Doors:
    """How callers come in. `addresses` finds where they are; `tiers` are the configured kinds of keys.

    `gate` holds the limits of addresses and routes on pages; without it there are none. `self_service` says what
    keys that callers fetch may do, if they may; `public_url` is how browsers reach us, and
    `reads_query_key` whether a key in the address counts where one may be. `rotating` is the rotating key,
    if there is one, and `admin_secret` the digest of what shows it. `shows_documents` opens the API documents.
    """

    addresses: Addresses = NOBODY_TRUSTED
    tiers: frozenset[str] = frozenset()
    gate: PageGate | None = None
    self_service: SelfServiceTerms | None = None
    public_url: str | None = None
    reads_query_key: bool = False
    rotating: RotatingKey | None = None
    admin_secret: bytes = field(default=b"", repr=False)
    shows_documents: bool = True


@dataclass(frozen=True, slots=True)
class Services:
    """The product, as far as HTTP reaches it.

    `digest` turns a secret into what the store knows of it. `status` tells what is already known of stores and
    providers, without asking anybody; `is_ready` whether new calls are welcome. `listed` are the models that can be
    named. `key_changed` makes the change of a key count at once in this process. `pulls` gets models onto this machine.
    `history` tells of a call that is over, by its id; `cancel` ends one under way, of a key or, at an admin's wish,
    of any; `running` lists them.
    `alerts` sends them, and `alert_store` keeps them. `max_file_bytes` is how large a form with a file may be.
    `feed` tells of calls as they are settled.
    """

    gateway: Gateway
    keys: KeyStore
    teams: TeamStore
    end_users: EndUserStore
    usage: UsageStore
    ledger: Ledger
    clock: Clock
    digest: Callable[[str], bytes]
    status: Callable[[], Mapping[str, object]]
    is_ready: Callable[[], bool]
    listed: Callable[[], tuple[Model, ...]]
    key_changed: Callable[[str], None]
    metrics: Callable[[], bytes]
    version: str
    doors: Doors
    pulls: Pulls
    history: Callable[[str], Awaitable[CallHistory | None]]
    cancel: Callable[[str, str | Actor], Awaitable[None]]
    running: Callable[[], Awaitable[RunningCalls]]
    audit: AuditTrail
    alerts: Alerts
    alert_store: AlertStore
    feed: Feed
    max_file_bytes: int
