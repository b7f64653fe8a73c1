"""What the ledger sends to the journal: holds, settlements, takings from the store, and returns to it.

An operation is filled on the event loop, written by the journal's thread (`writing.py`), then finished on the event
loop: the two never touch it at the same time. One that failed leaves memory as if it had never been asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tollbar.domain.identity import AllowanceId, Holder
from tollbar.domain.money import Unit
from tollbar.domain.records import LedgerEntry
from tollbar.storage.ending import SETTLED, Ending
from tollbar.storage.lease import Lease

# Reservation numbers carry their process in the upper bits: unique in the store without asking it. A process can make
# 2^40 of them, and the store sees 2^23 starts, before a number is too large for 63 bits.
NUMBER_BITS = 40


class Part(NamedTuple):
    """What a reservation holds of one allowance. `is_direct` when it came from the store, not out of the lease.

    This and `Change` are tuples because each call makes some.
    """

    lease: Lease
    amount: int
    is_direct: bool


class Change(NamedTuple):
    """What ending a reservation does to an allowance in a period: adds to `spent`, takes from `leased`."""

    allowance: int
    period: int | None
    spent: int
    leased: int


class Held(Ending):
    """`ports.Reservation`. As an operation it is the writing of its rows."""

    __slots__ = ("_hurry", "estimate", "number", "parts", "process", "request_id", "settlement")

    def __init__(self, number: int, request_id: str, hurry: Callable[["Held"], None] = lambda held: None) -> None:
        super().__init__()
        self._hurry = hurry
        self.number = number
        self.process = number >> NUMBER_BITS
        self.request_id = request_id
        self.estimate: LedgerEntry | None = None
        """The line to be written should this process die; None before its rows are to be written."""
        self.parts: list[Part] = []
        self.settlement: Ending | None = None

    @property
    def id(self) -> str:
        """Unique in the store."""
        return str(self.number)

    def held(self, allowance: AllowanceId) -> int:
        """How much of an allowance is held."""
        return sum(part.amount for part in self.parts if part.lease.allowance == allowance.number)

    @property
    def has_rows(self) -> bool:
        """Whether it was written, or is about to be."""
        return self.estimate is not None and self.fault is None

    async def committed(self) -> None:
        """Returns once the hold is durable; raises Overloaded when it could not be written."""
        if not self.is_over:
            self._hurry(self)
        await self.wait()

    def add(self, lease: Lease, amount: int, is_direct: bool = False) -> None:
        """Holds an amount that was already taken out of the lease, or out of the store."""
        lease.held += amount
        self.parts.append(Part(lease, amount, is_direct))

    def undo(self) -> None:
        """Puts what it took out of leases back: there will be no such reservation."""
        for part in self.parts:
            part.lease.held -= part.amount
            part.lease.free += part.amount
        self.parts.clear()

    def finish(self) -> None:
        """Its rows are durable, or could not be written; the hold in memory stands either way until it is settled."""
        self.tell()


class Settlement(Ending):
    """The end of a reservation: what it costs, what returns to where, the lines, and the answer that is kept."""

    __slots__ = ("changes", "entries", "held", "is_late", "is_overrun", "kept", "process", "unheld")

    def __init__(
        self,
        held: Held,
        charges: Sequence[tuple[AllowanceId, int]],
        entries: Sequence[LedgerEntry],
        kept: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__()
        self.held = held
        self.kept = kept
        # Who must be alive for it to be in time; nobody, when nothing was held, and nothing is to be kept.
        self.process = held.process if held.parts or kept is not None else None
        self.entries = entries
        # Others ended the hold before, because they took this process for dead.
        self.is_late = False
        self.changes: list[Change] = []
        unheld = self.unheld = {allowance.number: amount for allowance, amount in charges if amount}
        is_overrun = False
        for lease, amount, is_direct in held.parts:
            charge = unheld.pop(lease.allowance, 0)
            # Near the end of an allowance the rest goes back to the store, where every process finds it; and so does
            # always what came from there.
            is_kept = charge < amount and not is_direct and not lease.is_low(amount)
            self.changes.append(Change(lease.allowance, lease.period, charge, charge if is_kept else amount))
            is_overrun |= charge > amount
        self.is_overrun = is_overrun or bool(unheld)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.held.parts or self.entries or self.unheld or self.kept)

    def doubted(self, fault: Exception) -> None:
        """Whoever waits goes on: it may be charged by now, and then its answer is to be sent whole."""

    def finish(self) -> None:
        """The hold has ended; or it still stands, and may be settled again."""
        if self.fault is not None:
            self.held.settlement = None
        else:
            for (lease, amount, _), change in zip(self.held.parts, self.changes, strict=True):
                lease.held -= amount
                lease.free += amount - change.leased
            # Nothing of a call may point back at what points at it: the collector would have to find each of them.
            self.held.settlement = SETTLED
        self.tell()


@dataclass(frozen=True, slots=True)
class Want:
    """What is wanted of one allowance, and what this process gives back of it in the same breath.

    `returned` is the lease's own idle rest, of `period`; so nothing that this process keeps can be missing when the
    store decides. `may_lease` asks for a lease, if the store has enough.
    """

    lease: Lease
    allowance: int
    unit: Unit
    period: int | None
    most: int
    expected: int
    returned: int
    may_lease: bool
    holder: Holder = Holder.KEY


@dataclass(frozen=True, slots=True)
class Granted:
    """What the store gave for a want: `leased` in all, of which the call holds `held`; the rest is for next calls."""

    want: Want
    leased: int
    held: int
    period: int
    ends_at: int | None
    left: int


class Taking(Ending):
    """A reservation that the store decides, because the leases at hand do not cover it: all or nothing."""

    __slots__ = ("_finish", "elsewhere", "granted", "held", "is_abandoned", "now", "process", "refused", "wants")

    def __init__(self, held: Held, wants: Sequence[Want], now: int, finish: Callable[["Taking"], None]) -> None:
        super().__init__()
        self.held = held
        self.process = held.process
        self.wants = wants
        self.now = now
        self.granted: Sequence[Granted] = ()
        self.refused: Granted | None = None
        # What other processes keep ready of the allowance that refused; they are asked to give it back.
        self.elsewhere = 0
        self.is_abandoned = False
        self._finish = finish

    @property
    def is_granted(self) -> bool:
        """Whether there is a reservation now."""
        return self.is_over and self.fault is None and self.refused is None

    def finish(self) -> None:
        """The store has decided, or could not."""
        self.tell()
        self._finish(self)


class Return:
    """Gives an idle rest of a lease back to the store."""

    __slots__ = ("amount", "fault", "lease", "process")

    def __init__(self, process: int, lease: Lease) -> None:
        self.process = process
        self.lease = lease
        self.amount = lease.free
        self.fault: Exception | None = None
        lease.free = 0
        lease.held += self.amount

    def finish(self) -> None:
        """The store has it, or the lease has it again."""
        self.lease.held -= self.amount
        if self.fault is not None:
            self.lease.free += self.amount


Operation = Held | Settlement | Taking | Return
