"""What this process leased, by allowance: where reservations are decided without asking the store.

Nothing here waits or does any input and output; amounts only move between leases, reservations and takings. What a
taking that failed had touched is put back. A lease of a newer period replaces the older one.
"""

from collections.abc import Callable, Iterator, Sequence

from tollbar.ports.money import Claim
from tollbar.storage.ending import Ending
from tollbar.storage.lease import Lease
from tollbar.storage.operations import Granted, Held, Taking, Want

Short = Sequence[tuple[Lease, Claim]]
"""Claims that their leases do not cover."""


class Leases:
    """Leases by the number of their allowance."""

    def __init__(self) -> None:
        self._leases: dict[int, Lease] = {}

    def take(self, held: Held, claims: Sequence[Claim], used_at: float, now: Callable[[], int]) -> Short:
        """Holds what the leases cover; returns what they do not. `now` is asked only where a period may be over."""
        short: list[tuple[Lease, Claim]] = []
        for claim in claims:
            lease = self._leases.get(claim.allowance.number)
            if lease is None:
                lease = self._leases[claim.allowance.number] = Lease(claim.allowance.number)
            lease.used_at = used_at
            is_over = lease.ends_at is not None and lease.ends_at <= now()
            if lease.period is None or is_over or lease.free < claim.most:
                short.append((lease, claim))
            else:
                lease.free -= claim.most
                held.add(lease, claim.most)
        return short

    def ask(self, held: Held, short: Short, now: int, finish: Callable[[Taking], None]) -> Taking:
        """A request to the store for what is short, which takes the leases' idle rests along."""
        wants = []
        for lease, claim in short:
            wants.append(
                Want(
                    lease=lease,
                    allowance=lease.allowance,
                    unit=claim.allowance.unit,
                    period=lease.period,
                    most=claim.most,
                    expected=claim.expected,
                    returned=lease.free,
                    may_lease=not _is_low(lease, claim),
                    holder=claim.allowance.holder,
                )
            )
            lease.free = 0
        taking = Taking(held, wants, now, finish)
        for want in wants:
            if want.may_lease:
                want.lease.fetching = taking
        return taking

    def taken(self, taking: Taking) -> None:
        """Brings the leases to where the store's answer puts them."""
        for want in taking.wants:
            if want.lease.fetching is taking:
                want.lease.fetching = None
            if taking.fault is not None:
                want.lease.free += want.returned
        if taking.refused is not None:
            taking.refused.want.lease.left = taking.refused.left
        if not taking.is_granted:
            taking.held.undo()
        for given in taking.granted if taking.is_granted else ():
            lease = self._lease_of(given)
            lease.left = given.left
            lease.free += given.leased - given.held
            taking.held.add(lease, given.held, is_direct=given.leased == given.held)

    def idle(self, unused_since: float) -> Iterator[Lease]:
        """Leases with something to give back that nobody used since a moment."""
        return (lease for lease in self._leases.values() if lease.free and lease.used_at <= unused_since)

    def recall(self, allowance: int) -> Lease | None:
        """The lease that somebody else needs something of; little is left in the store, so nothing is kept of it."""
        lease = self._leases.get(allowance)
        if lease is not None:
            lease.left = 0
        return lease

    def forget(self, unused_since: float) -> None:
        """Drops the leases that hold nothing and that nobody used since a moment."""
        self._leases = {
            number: lease
            for number, lease in self._leases.items()
            if lease.free or lease.held or lease.fetching or lease.used_at > unused_since
        }

    def _lease_of(self, given: Granted) -> Lease:
        number = given.want.allowance
        lease = self._leases.get(number)
        if lease is None or (lease.period is not None and lease.period < given.period):
            lease = self._leases[number] = Lease(number, used_at=given.want.lease.used_at)
        elif lease.period is not None and lease.period > given.period:
            lease = Lease(number)  # the answer is of a period that is over; it serves its call and nobody else
        lease.period, lease.ends_at = given.period, given.ends_at
        return lease


def fetching(short: Short) -> Ending | None:
    """A request for more that is under way and may serve one of these claims: worth waiting for."""
    return next((lease.fetching for lease, claim in short if lease.fetching and not _is_low(lease, claim)), None)


def _is_low(lease: Lease, claim: Claim) -> bool:
    return lease.is_low(max(claim.most, claim.expected))
