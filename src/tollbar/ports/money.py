"""What calls may use, hold and were charged: allowances, rates, and what was used."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple, Protocol

from tollbar.domain.identity import Allowance, AllowanceId, Holder, Principal
from tollbar.domain.limits import Charge, Verdict
from tollbar.domain.records import DayUsage, LedgerEntry, Spending
from tollbar.domain.repeats import Keeping


class Claim(NamedTuple):
    """What a call needs of one allowance: `most` if all goes to the limit, `expected` if it goes as usual."""

    allowance: AllowanceId
    most: int
    expected: int


class Reservation(Protocol):
    """Amounts held for one call, until it is settled or released."""

    def held(self, allowance: AllowanceId) -> int:
        """How much of an allowance is held."""
        ...

    async def committed(self) -> None:
        """Returns once the hold is durable; raises `Overloaded` when it could not be written."""
        ...


class Ledger(Protocol):
    """Allowances and what was charged to them, under the invariants that `storage/ledger.py` lists."""

    async def reserve(
        self, request_id: str, claims: Sequence[Claim], estimate: Callable[[], LedgerEntry]
    ) -> Reservation:
        """Holds from every claimed allowance, all or nothing; raises `OutOfCredit` naming the one that is short.

        Raises `KeyAlreadyUsed` where that is one of uses.
        Suspends only to take a lease. The hold is made durable in the background: `Reservation.committed` waits for it.
        `estimate` makes the line to be written if this process dies before it settles; a call that is over in a
        moment is never asked for it. Raises `Overloaded` when the store
        cannot be reached: money is never guessed.
        """
        ...

    async def settle(
        self,
        reservation: Reservation,
        charges: Sequence[tuple[AllowanceId, int]],
        entries: Sequence[LedgerEntry],
        keeping: Keeping | None = None,
    ) -> None:
        """Ends the hold: writes charges (to release is to charge nothing) and lines, durably, in one transaction.

        An answer to be kept, which ends its turn in the `AnswerStore`, is written in the same: both are there or none.
        A second call for the same reservation changes nothing. A charge above its hold is written in full and flagged.
        Raises `Overloaded` when it could not be made durable; then nothing was written and the hold still stands. Also,
        the first time, where others took this process for dead: its lines are then written, and charge nothing.
        """
        ...

    async def standing(self, key_id: str, end_users: Sequence[str] = ()) -> Sequence[Allowance]:
        """Every allowance that covers a key, or these end users, as it stands now, holds of every process included."""
        ...


class UsageStore(Protocol):
    """What was used, and the ledger's newest lines. Days are those of UTC."""

    async def by_day(self, key_id: str, end_user: str | None, since: date) -> Sequence[DayUsage]:
        """By day and model, the newest day first: of the key, or of one of its end users. As cheap for a million calls.

        It is the sum of the ledger's paid lines, at any moment.
        """
        ...

    async def spending(self, principal: Principal, holder: Holder, since: date) -> Spending | None:
        """What whoever holds an allowance that covers the principal spent; None when that is nothing."""
        ...

    async def last_line(self) -> int:
        """The number of the ledger's newest line; numbers grow in the order in which lines become durable."""
        ...

    async def lines_after(self, number: int) -> Sequence[tuple[int, LedgerEntry]]:
        """The lines after a number, the oldest first, as many as are read at once."""
        ...


class Counters(Protocol):
    """Rates and concurrency. Approximate across restarts, exact while running."""

    async def take(self, charges: Sequence[Charge]) -> Verdict:
        """Takes every charge or none. Not promised: fairness between callers."""

    def give_back(self, charges: Sequence[Charge], taken_at: float) -> None:
        """Corrects charges taken at `taken_at`; a negative amount takes more, even beyond the limit.

        Never waits and never fails, so that leaving a call cannot be cut short here; a store that is away gets the
        correction later, or never if the charge has left its window by then.
        """
