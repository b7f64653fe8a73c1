"""What the store decides when a call wants more of an allowance than the leases at hand hold: plain values, no I/O.

The caller reads the balances and writes their changes within one transaction that nobody else can write in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tollbar.storage.lease import LEASE_CALLS, LEASE_SHARE, LOW_WATER_CALLS
from tollbar.storage.operations import Granted, Taking, Want


@dataclass(slots=True)
class Balance:
    """An allowance as the store has it, in the period that `period` is the start of.

    `extra` is the part of `granted` that ends at `extra_until`.
    """

    allowance: int
    granted: int
    spent: int
    leased: int
    reset: str
    period: int
    ends_at: int | None
    extra: int = 0
    extra_until: int | None = None
    zone: str = "UTC"

    @property
    def asked_again_at(self) -> int | None:
        """When what was leased of it holds no more: at the end of the period, or of what is on top."""
        ends = [end for end in (self.ends_at, self.extra_until) if end is not None]
        return min(ends, default=None)

    @property
    def left(self) -> int:
        """What nobody has spent or leased; negative after an overrun."""
        return self.granted - self.spent - self.leased


def decide(taking: Taking, balances: Mapping[int, Balance], is_strict: bool) -> None:
    """Grants or refuses a taking, and changes the balances accordingly; what it returned is taken in either way."""
    for want in taking.wants:
        balance = balances[want.allowance]
        if want.period == balance.period:
            balance.leased -= want.returned
    granted: list[Granted] = []
    for want in taking.wants:
        balance = balances[want.allowance]
        held = affordable(want, balance.left, is_strict)
        if held is None:
            for other in granted:
                balances[other.want.allowance].leased -= other.leased
            taking.refused = Granted(want, 0, 0, balance.period, balance.asked_again_at, balance.left)
            return
        leased = max(held, lease_size(want, balance.left))
        balance.leased += leased
        granted.append(Granted(want, leased, held, balance.period, balance.asked_again_at, balance.left))
    taking.granted = granted


def affordable(want: Want, left: int, is_strict: bool) -> int | None:
    """How much to hold: the most if it fits, else all that is left if the call is expected to get by with it.

    What costs nothing always fits, even where nothing is left.
    """
    if want.most <= max(0, left):
        return want.most
    if not is_strict and left > 0 and want.expected <= left:
        return left
    return None


def lease_size(want: Want, left: int) -> int:
    """How much to lease at once; 0 where nothing is leased because little is left."""
    size = max(want.most, want.expected)
    if not want.may_lease or left <= LOW_WATER_CALLS * size:
        return 0
    return min(left // LEASE_SHARE, LEASE_CALLS * size)
