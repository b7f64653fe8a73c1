"""Doubles for alerts: a store and an audit in memory, and a courier that a test tells how it fares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tollbar.domain.alerts import Alert, Standing
from tollbar.domain.audit import Actor, Entry, Search, Verified
from tollbar.domain.errors import InvalidValue
from tollbar.domain.money import Unit
from tollbar.ports.watching import SealedHook


@dataclass(slots=True)
class MemoryAlertStore:
    """`ports.AlertStore` for one process; what is due is what was not delivered, in its order."""

    stands: list[Standing] = field(default_factory=list)
    kept: SealedHook | None = None
    alerts: dict[str, Alert] = field(default_factory=dict)
    told: list[tuple[str, str | None]] = field(default_factory=list)
    set_at: list[tuple[str, Unit | None, Sequence[int] | None]] = field(default_factory=list)
    due: list[str] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)

    def by(self, actor: Actor) -> "MemoryAlertStore":
        """See `ports.AlertStore`."""
        self.actors.append(actor)
        return self

    async def standings(self, lowest: int) -> Sequence[Standing]:
        """See `ports.AlertStore`."""
        return [one for one in self.stands if one.at is not None or one.spent * 100 >= one.granted * lowest]

    async def thresholds(self) -> Sequence[tuple[str, Unit, tuple[int, ...]]]:
        """See `ports.AlertStore`."""
        return [(owner, unit, tuple(at)) for owner, unit, at in self.set_at if unit is not None and at is not None]

    async def set_thresholds(self, owner: str, unit: Unit | None, at: Sequence[int] | None) -> None:
        """See `ports.AlertStore`."""
        if unit is Unit.USES:
            raise InvalidValue("There is no allowance of uses to watch.", field="unit")
        self.set_at.append((owner, unit, at))

    async def add(self, alerts: Sequence[Alert]) -> None:
        """See `ports.AlertStore`."""
        for alert in alerts:
            self.alerts[alert.id] = alert
            self.due.append(alert.id)

    async def claim(self) -> Alert | None:
        """See `ports.AlertStore`."""
        return self.alerts[self.due.pop(0)] if self.due else None

    async def tell(self, alert_id: str, fault: str | None) -> None:
        """See `ports.AlertStore`."""
        self.told.append((alert_id, fault))

    async def newest(self) -> Sequence[Alert]:
        """See `ports.AlertStore`."""
        return list(reversed(self.alerts.values()))

    async def hook(self) -> SealedHook | None:
        """See `ports.AlertStore`."""
        return self.kept

    async def set_hook(self, hook: SealedHook | None) -> None:
        """See `ports.AlertStore`."""
        self.kept = hook


@dataclass(slots=True)
class FakeCourier:
    """`ports.Courier` that keeps what it was given."""

    status: int = 204
    fault: Exception | None = None
    posts: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """See `ports.Courier`."""
        self.posts.append((url, headers, body))
        if self.fault is not None:
            raise self.fault
        return self.status


@dataclass(slots=True)
class MemoryAudit:
    """`ports.AuditTrail` that notes what is sought, and who did what."""

    entries: list[Entry] = field(default_factory=list)
    sought: list[Search] = field(default_factory=list)
    noted: list[tuple[str, str, str]] = field(default_factory=list)

    async def note(self, actor: Actor, action: str, subject: str) -> None:
        """See `ports.AuditTrail`."""
        self.noted.append((actor.name, action, subject))

    async def find(self, search: Search) -> Sequence[Entry]:
        """See `ports.AuditTrail`."""
        self.sought.append(search)
        return [entry for entry in self.entries if entry.number < search.before][: search.count]

    async def verify(self) -> Verified:
        """See `ports.AuditTrail`."""
        return Verified(len(self.entries), b"\1" * 32, None)
