"""Who changed what, and who is told when an allowance is nearly used up."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from tollbar.domain.alerts import Alert, Standing
from tollbar.domain.audit import Actor, Entry, Search, Verified
from tollbar.domain.money import Unit


class AuditTrail(Protocol):
    """Who changed what, as people read it. Everything raises `Overloaded`."""

    async def note(self, actor: Actor, action: str, subject: str) -> None:
        """Adds what was done that changes nothing in the store: `model.pull`, say, and which."""

    async def find(self, search: Search) -> Sequence[Entry]:
        """The entries that are sought, newest first."""
        ...

    async def verify(self) -> Verified:
        """Whether every entry is as it was written."""
        ...


class SealedHook(NamedTuple):
    """A webhook as it is stored, its secret encrypted."""

    url: str
    sealed: bytes


class AlertStore(Protocol):
    """Thresholds of allowances, the alerts on their way, and where they go. Everything raises `Overloaded`."""

    def by(self, actor: Actor) -> "AlertStore":
        """The same store, whose changes the audit tells in this actor's name."""
        ...

    async def standings(self, lowest: int) -> Sequence[Standing]:
        """Every allowance with thresholds of its own, or spent up to `lowest` per cent; with nothing spent, none."""
        ...

    async def thresholds(self) -> Sequence[tuple[str, Unit, tuple[int, ...]]]:
        """The thresholds that were set: the owner and unit of the allowance, and they."""
        ...

    async def set_thresholds(self, owner: str, unit: Unit | None, at: Sequence[int] | None) -> None:
        """Sets those of an owner's allowance, or without a unit of all of them; None means the usual ones.

        Raises `InvalidValue` when there is no such allowance.
        """

    async def add(self, alerts: Sequence[Alert]) -> None:
        """Puts alerts on their way; one that there is of its allowance, threshold and period is passed over."""

    async def claim(self) -> Alert | None:
        """An alert that is due, for the caller alone until its next attempt is due; None when there is none."""

    async def tell(self, alert_id: str, fault: str | None) -> None:
        """How a sending ended: without a fault the alert is there."""

    async def newest(self) -> Sequence[Alert]:
        """The last alerts, newest first."""
        ...

    async def hook(self) -> SealedHook | None:
        """Where alerts go; None when nothing was set."""

    async def set_hook(self, hook: SealedHook | None) -> None:
        """Sets it, or takes it away."""


class Courier(Protocol):
    """What brings a message to a web address."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer, redirects not followed; raises `UpstreamError` when there is none."""
        ...
