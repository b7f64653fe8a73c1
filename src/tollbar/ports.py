"""The contracts between the product and what drives or serves it.

Each port says what it gives, what it raises and what it does not promise. The product knows these and the domain,
nothing else; `app.py` alone says which adapter stands behind which port.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BufferedReader
from typing import NamedTuple, Protocol, runtime_checkable

from tollbar.domain.alerts import Alert, Standing
from tollbar.domain.audit import Actor, Entry, Search, Verified
from tollbar.domain.catalogue import Call
from tollbar.domain.end_users import EndUser, EndUserChange
from tollbar.domain.events import StreamEvent
from tollbar.domain.files import KeptFile
from tollbar.domain.identity import Allowance, AllowanceId, EndUserTerms, Grant, Holder, Key, Principal, TopUp
from tollbar.domain.limits import Charge, Limit, Verdict
from tollbar.domain.local_models import LocalModel, Progress, PullPlan
from tollbar.domain.money import Unit
from tollbar.domain.records import DayUsage, LedgerEntry, RequestRecord, Spending
from tollbar.domain.repeats import Keeping, KeptAnswer, Repeatable
from tollbar.domain.responses import KeptResponse, Thread
from tollbar.domain.teams import Team


class Clock(Protocol):
    """Time, so that tests can move it."""

    def now(self) -> datetime:
        """The wall clock, in UTC. It may step; use it for what is stored, never for durations."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits; ends early only by cancellation."""
        ...


class Provider(Protocol):
    """One configured upstream."""

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer to `call` as a stream of events; the connection is given up when the context is left.

        Entering raises `UpstreamError` when the provider cannot be reached or answers with an error; iterating raises
        `StreamBroken` or `UpstreamTimeout`. It makes one attempt and never retries. Not promised: that the first event
        carries content, that usage is reported, or that the iteration ends with every choice finished.
        """
        ...

    async def models(self) -> Sequence[str]:
        """The names the upstream says it serves; raises `UpstreamError`."""
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """What a provider can besides: count the tokens of a request without answering it."""

    def counts_for(self, wire: str) -> bool:
        """Whether it can count requests of that dialect."""
        ...

    async def count(self, call: Call) -> int:
        """The tokens that the target's model would read; raises `UpstreamError`."""
        ...


class Delivery(Protocol):
    """What a provider gives out of what it keeps."""

    content_type: str

    async def read(self) -> bytes:
        """All of it, where that is a document; raises `UpstreamError`."""
        ...

    async def read_chunk(self) -> bytes:
        """The next of it, b"" at the end; raises `UpstreamError`."""
        ...


class Storehouse(Protocol):
    """What a provider can besides: keep things for callers, each at an address of its own."""

    def ask(
        self, method: str, path: str, body: bytes | BufferedReader = b"", content_type: str = ""
    ) -> AbstractAsyncContextManager[Delivery]:
        """What it answers at an address below its own; entering raises `UpstreamError`."""
        ...


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What to change of a key: fields that are None stay; `grants` replaces the amounts of the units it names.

    `never_expires` removes the expiry, `unbinds` the address that a key is bound to. An empty `tier` is a plain key.
    `forgets_end_users` has end users told apart no more; what they spent stays known.
    """

    name: str | None = None
    tier: str | None = None
    team: str | None = None
    expires_at: datetime | None = None
    never_expires: bool = False
    unbinds: bool = False
    revoked_at: datetime | None = None
    models: tuple[str, ...] | None = None
    limits: tuple[Limit, ...] | None = None
    grants: tuple[Grant, ...] | None = None
    top_ups: tuple[TopUp, ...] = ()
    end_user_terms: EndUserTerms | None = None
    forgets_end_users: bool = False


class KeyStore(Protocol):
    """Keys by the keyed digest of their secret, and by id for those who keep them. Secrets never reach it."""

    def by(self, actor: Actor) -> "KeyStore":
        """The same store, whose changes the audit says were made by this actor, and not by the program itself."""

    async def find(self, digest: bytes) -> Principal | None:
        """The principal behind a digest, expired and revoked ones included; None for an unknown one."""

    async def shared(self) -> Sequence[AllowanceId]:
        """The allowances of the installation: those that cover callers who are not in the store."""

    async def add(self, key: Key, digest: bytes, grants: Sequence[Grant]) -> Key:
        """Stores a new key with its allowances, durably; raises `Conflict` when its id or name is in use.

        Of all that add a self-service key bound to one address, one succeeds, and the field of the others' Conflict is
        `bound_to`.
        """

    async def list(self) -> Sequence[Key]:
        """Every key, newest first, with its allowances as they stand."""

    async def get(self, key_id: str) -> Key:
        """One key; raises `NotFound`."""

    async def find_named(self, name: str) -> Key | None:
        """The key of that name, revoked or not; names are unique. It costs the same however many keys there are."""

    async def find_bound(self, bound_to: bytes) -> Key | None:
        """The self-service key that is bound to an address, whatever became of it."""

    async def change(self, key_id: str, change: KeyChange, version: int | None = None) -> Key:
        """The key after the change; raises `NotFound`, or `Conflict` when `version` is not the stored one."""

    async def rotate(self, key_id: str, digest: bytes, hint: str, old_until: datetime) -> Key:
        """Gives the key another secret; earlier ones stop at `old_until`. Raises NotFound, or Conflict if revoked."""


class TeamStore(Protocol):
    """Teams by id, the installation among them."""

    def by(self, actor: Actor) -> "TeamStore":
        """As `KeyStore.by`."""

    async def add(self, team: Team, grants: Sequence[Grant]) -> Team:
        """Stores a new team with its allowances, durably; raises `Conflict` when its id or name is in use."""

    async def list(self) -> Sequence[Team]:
        """Every team, by name, with its allowances as they stand."""

    async def get(self, team_id: str) -> Team:
        """One team; raises `NotFound`."""

    async def change(self, team_id: str, change: KeyChange, version: int | None = None) -> Team:
        """The team after what a team has of the change; raises `NotFound`, or `Conflict` as `KeyStore.change` does."""


class EndUserStore(Protocol):
    """The end users of keys and teams; `owner` is the id of one of these."""

    def by(self, actor: Actor) -> "EndUserStore":
        """As `KeyStore.by`."""

    async def admit(self, owner: str, name: str, terms: EndUserTerms) -> EndUser:
        """The end user of that name with the allowances of the terms, made at first sight.

        Of all who ask at once, in whatever process, one makes it. Raises `NotAllowed` when there are too many.
        """

    async def list(self, owner: str, name: str = "") -> Sequence[EndUser]:
        """Those of a key or a team that are new of late, or the one of that name, as they stand."""

    async def change(self, owner: str, end_user: str, change: EndUserChange) -> EndUser:
        """The end user, by its id, after the change; raises `NotFound`."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotating key: the how manyth it is, the key it is a secret of, that secret sealed, and its time."""

    number: int
    key_id: str
    sealed: bytes
    created_at: datetime
    expires_at: datetime
    is_revoked: bool = False


class RotationStore(Protocol):
    """The one rotating key there is; exactly one is in force, whoever asks and however many try to replace it."""

    async def current(self) -> Rotation | None:
        """What is in force; None before the first."""
        ...

    async def advance(self, key: Key, digest: bytes, rotation: Rotation, old_until: datetime) -> Rotation:
        """Puts `rotation` in force if the one before it, by its number, is; returns what is in force afterwards.

        The key is made, or given this secret while its earlier ones stop at `old_until`. All of it or nothing; raises
        `Conflict` when the name of a key to be made is in use.
        """
        ...


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

    async def reserve(self, request_id: str, claims: Sequence[Claim], estimate: LedgerEntry) -> Reservation:
        """Holds from every claimed allowance, all or nothing; raises `OutOfCredit` naming the one that is short.

        Raises `KeyAlreadyUsed` where that is one of uses.
        Suspends only to take a lease. The hold is made durable in the background: `Reservation.committed` waits for it.
        `estimate` is the line to be written if this process dies before it settles. Raises `Overloaded` when the store
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


class AnswerStore(Protocol):
    """The answers of calls that may be sent again, shared by every process."""

    async def begin(self, call: Repeatable) -> KeptAnswer | None:
        """What the call was answered before; None when it is this one's turn to be answered.

        Raises `CallUnderWay` while another one has its turn, and `OtherCall` when the name belongs to another request.
        A turn ends with a settlement that keeps its answer, with `free`, or with its process. Raises `Overloaded` when
        the store cannot be reached.
        """

    async def free(self, call: Repeatable) -> None:
        """Ends the turn without an answer, so that the next call is made anew; raises `Overloaded`."""


class CancelStore(Protocol):
    """Calls that are to be ended, shared by every process."""

    async def ask(self, request_id: str, key_id: str | None) -> None:
        """Asks whichever process runs a call of that key, or without one of any, to end it; raises `Overloaded`."""

    async def asked(self) -> Sequence[tuple[str, str | None]]:
        """What is asked, and nobody told that it is done; raises `Overloaded`."""
        ...

    async def tell(self, request_id: str) -> None:
        """Says that the call has been ended; raises `Overloaded`."""

    async def is_told(self, request_id: str) -> bool:
        """Whether somebody said so; raises `Overloaded`."""
        ...


class AuditTrail(Protocol):
    """Who changed what, as people read it. Everything raises `Overloaded`."""

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


class ResponseStore(Protocol):
    """Responses that are kept, each for its key, shared by every process. Raises `Overloaded` when it is away."""

    async def keep(self, response: KeptResponse, keep_for: timedelta, thread: Sequence[str] = ()) -> None:
        """Keeps a response for so long, durably; those of the `thread` that it goes on from are kept as long."""

    async def find(self, key_id: str, response_id: str) -> KeptResponse | None:
        """A response of that key; None for one that it does not have."""

    async def thread(self, key_id: str, response_id: str, most_bytes: int) -> Thread | None:
        """The response and all before it, as far back as they are kept and are not larger together than `most_bytes`.

        None where the key does not have that response itself.
        """

    async def remove(self, key_id: str, response_id: str) -> None:
        """Forgets a response of that key for good."""


class FileStore(Protocol):
    """Whose the files are that lie at providers. Raises `Overloaded` when it is away."""

    async def add(self, file: KeptFile) -> None:
        """Notes a file, durably."""

    async def find(self, key_id: str, file_id: str) -> KeptFile | None:
        """A file of that key; None for one that it does not have."""

    async def list(self, key_id: str) -> Sequence[KeptFile]:
        """Every file of a key, the newest first."""

    async def remove(self, key_id: str, file_id: str) -> None:
        """Forgets a file."""


class RequestLog(Protocol):
    """The wide record of each call, for people."""

    def write(self, records: Sequence[RequestRecord]) -> None:
        """Queues records. Never fails and never waits; those beyond what the queue holds are dropped and counted."""
        ...


class ModelShelf(Protocol):
    """The models that are on this machine."""

    def list(self) -> Sequence[LocalModel]:
        """Every model, by name."""
        ...

    def find(self, name: str) -> LocalModel | None:
        """The model of that name or alias."""
        ...

    def remove(self, name: str) -> LocalModel | None:
        """Takes a model away, with the weights that are ours; None when there was none."""
        ...

    def discard(self, name: str) -> bool:
        """Deletes what a download that ended early left under that name; False when there was nothing."""
        ...


class ModelSource(Protocol):
    """Where models for this machine come from."""

    async def plan(self, name: str, may_be_path: bool) -> PullPlan:
        """What pulling a model of that name would do; nothing is fetched yet.

        `may_be_path` says that whoever asks may name files of this machine. Raises `RequestError` (with `UnknownModel`
        when nobody has it, `Conflict` when the disk has no room or nobody may be asked), or `UpstreamError`.
        """
        ...

    async def fetch(self, plan: PullPlan, tell: Callable[[Progress], None]) -> None:
        """Carries the plan out, telling how far it is; at its return the model is there. Raises as `plan` does.

        It may be cancelled or killed at any point: the next one goes on from there. Two of one model, in whatever
        processes, share one download.
        """
        ...
