"""The ledger: allowances, what calls hold of them while they last, and what calls were charged.

It keeps six promises, on one process or many, through any crash:
1. No allowance is oversold: granted − spent − held never falls below zero by a hold. Only a charge above its hold can
   do that, and its line is flagged.
2. Every hold ends exactly once: settled, released, or resolved after its process died.
3. Every answered call has a durable line before its last byte goes out: `settle` returns after the commit.
4. Every line says where its figures came from, at which price, and how the sum came about.
5. Every attempt has a line of its own; who pays is said on each.
6. No price is ever guessed: charges are the caller's figures, and recovery uses only the estimate it was given.
"""

from collections.abc import Sequence
from contextlib import suppress

import structlog

from tollbar.domain.errors import KeyAlreadyUsed, OutOfCredit, Overloaded
from tollbar.domain.identity import Allowance, AllowanceId, Holder
from tollbar.domain.money import Unit, to_decimal
from tollbar.domain.records import LedgerEntry
from tollbar.domain.repeats import Keeping
from tollbar.ports.clock import Clock
from tollbar.ports.money import Claim, Reservation
from tollbar.storage.ending import SETTLED, Ending
from tollbar.storage.engine import Connection
from tollbar.storage.hearing import EXPIRY_SECONDS, Hearing
from tollbar.storage.journal import Journal
from tollbar.storage.keeping import kept_row
from tollbar.storage.leases import Leases, fetching
from tollbar.storage.operations import NUMBER_BITS, Granted, Held, Operation, Return, Settlement, Taking
from tollbar.storage.reader import Reader
from tollbar.storage.recovery import others, register, resolve
from tollbar.storage.standings import read_covering
from tollbar.storage.statements import Statements
from tollbar.storage.times import SECOND, microseconds
from tollbar.storage.writing import LedgerWriter
from tollbar.storage.young import Estimate, Young

LANE = 0
IDLE_SECONDS = 10.0
# A call that an allowance refuses waits so long for what other processes keep ready of it, and asks so often.
RECALL_SECONDS = 0.5
RECALL_STEP_SECONDS = 0.1
RECALLED_SECONDS = 10
TO_WHOM = {
    Holder.KEY: "",
    Holder.TEAM: " to the key's team",
    Holder.INSTALLATION: " to the whole installation",
    Holder.END_USER: " to the end user",
}


class StoredLedger:
    """`ports.Ledger` over the store; everything here runs on the event loop."""

    def __init__(
        self, journal: Journal, reader: Reader, writer: LedgerWriter, statements: Statements, clock: Clock
    ) -> None:
        self._journal = journal
        self._reader = reader
        self._writer = writer
        self._statements = statements
        self._clock = clock
        self._hearing = Hearing()
        self._leases = Leases()
        self._young = Young(self._write)
        self._abandoned: list[Held] = []
        self._is_open = False
        self._heard_at = 0.0
        self._made = 0
        self._slot: str | None = None
        self._heeded: dict[int, int] = {}

    async def start(self, is_alone: bool, slot: str | None = None) -> None:
        """Lets this process reserve, and resolves what dead ones left: all others, if nobody else can be serving.

        With a slot, a place among the workers of one server, it takes the place of whoever had that before.
        """
        self._slot = slot
        await self._beat(is_alone)
        self._is_open = True

    async def reserve(self, request_id: str, claims: Sequence[Claim], estimate: Estimate) -> Held:
        """See `ports.Ledger`."""
        self._journal.check()
        used_at = self._check_fence()
        refused_at = None
        while True:
            held = Held(self._number(), request_id, self._young.hurry)
            short = self._leases.take(held, claims, used_at, self._now)
            if not short:
                if held.parts:
                    self._young.add(held, estimate)
                else:
                    held.tell()
                return held
            under_way = fetching(short)
            if under_way is not None:
                held.undo()
                try:
                    await under_way.wait()
                except Overloaded:
                    if not under_way.is_over:
                        raise
                continue  # and where it failed it is our turn to ask
            held.estimate = estimate()
            taking = self._leases.ask(held, short, self._now(), self._taken)
            self._submit(taking)
            try:
                await taking.wait()
            except BaseException:
                self._abandon(taking)
                raise
            if taking.refused is None:
                return held
            if taking.refused.want.lease.free:  # something came back meanwhile
                continue
            now = self._clock.monotonic()
            refused_at = now if refused_at is None else refused_at
            if not taking.elsewhere or now - refused_at >= RECALL_SECONDS:
                raise _shortage(taking.refused)
            await self._clock.sleep(RECALL_STEP_SECONDS)

    async def settle(
        self,
        reservation: Reservation,
        charges: Sequence[tuple[AllowanceId, int]],
        entries: Sequence[LedgerEntry],
        keeping: Keeping | None = None,
    ) -> None:
        """See `ports.Ledger`."""
        if not isinstance(reservation, Held):
            raise TypeError("the reservation was made by another ledger")
        ending = self._settle(reservation, charges, entries, keeping)
        await ending.wait()
        if isinstance(ending, Settlement) and ending.is_late:
            raise Overloaded("This process was taken for dead while it answered.", hint="Send the request again.")

    async def standing(self, key_id: str, end_users: Sequence[str] = ()) -> Sequence[Allowance]:
        """See `ports.Ledger`. Holds that are not durable yet are waited for, so that none is missing."""
        self._young.write_all()
        await self._journal.flush()
        sql, now = self._statements.keys, self._now()
        return await self._reader.run(lambda connection: read_covering(connection, sql, key_id, now, end_users))

    async def tick(self) -> None:
        """Says that this process lives, resolves what dead ones left, returns idle leases. To be called every 5 s.

        Never raises for want of the store: that is logged, and tried again at the next call.
        """
        if not self._is_open:
            return
        try:
            await self._beat()
        except Overloaded as fault:
            structlog.get_logger().warning("ledger.heartbeat_failed", reason=str(fault.__cause__))
        self._abandoned = [held for held in self._abandoned if not (held.settlement and held.settlement.is_over)]
        for held in self._abandoned:
            self._settle(held, (), ())
        unused_since = self._clock.monotonic() - IDLE_SECONDS
        self._leases.forget(unused_since)
        self._give_back(unused_since)

    async def heed(self) -> None:
        """Gives back what other processes recalled; to be called every 250 ms where there are some."""
        rows = await self._reader.run(
            lambda connection: connection.execute(self._statements.ledger.recalled).fetchall()
        )
        for allowance, at in rows:
            if self._heeded.get(allowance) != at:
                lease = self._leases.recall(allowance)
                if lease is not None and lease.free:
                    self._submit(Return(self._writer.process, lease))
        self._heeded = dict(rows)

    @property
    def is_fenced(self) -> bool:
        """Whether others may take this process for dead: then it must not go on with what it holds."""
        return self._is_open and self._clock.monotonic() - self._heard_at > EXPIRY_SECONDS

    def give_back(self) -> None:
        """Returns all that lies idle in leases to the store: so a grant that was changed counts from now on."""
        self._give_back(self._clock.monotonic())

    async def close(self) -> None:
        """Returns everything; a hold that is still open is resolved as if this process had died."""
        if not self._is_open:
            return
        self._is_open = False
        self._young.write_all()
        process, sql = self._writer.process, self._statements.ledger
        with suppress(Overloaded):  # then the next start does it
            await self._journal.run(lambda connection: resolve(connection, sql, [process]))

    def _check_fence(self) -> float:
        now = self._clock.monotonic()
        if not self._is_open or now - self._heard_at > EXPIRY_SECONDS:
            raise Overloaded("The store cannot be written, so no call can be admitted.", hint="Try again shortly.")
        return now

    def _number(self) -> int:
        self._made += 1
        return self._writer.process << NUMBER_BITS | self._made

    def _now(self) -> int:
        return microseconds(self._clock.now())

    def _write(self, held: Held) -> None:
        with suppress(Overloaded):  # which it tells whoever waits for it
            self._submit(held)

    def _submit(self, operation: Operation) -> None:
        """Hands it to the journal. What that does not take has failed at once, as if it had never been asked for."""
        try:
            self._journal.submit(LANE, operation)
        except Overloaded as fault:
            operation.fault = fault
            operation.finish()
            raise

    def _settle(
        self,
        held: Held,
        charges: Sequence[tuple[AllowanceId, int]],
        entries: Sequence[LedgerEntry],
        keeping: Keeping | None = None,
    ) -> Ending:
        if held.settlement is not None:
            return held.settlement
        kept = None if keeping is None else kept_row(keeping, self._clock.now())
        self._young.forget(held)
        settlement = Settlement(held, charges, entries, kept)
        if settlement.is_empty:
            held.settlement = SETTLED
            return SETTLED
        self._submit(settlement)
        held.settlement = settlement
        return settlement

    def _taken(self, taking: Taking) -> None:
        self._leases.taken(taking)
        if taking.is_granted:
            taking.held.tell()
            if taking.is_abandoned:
                self._release(taking.held)

    def _abandon(self, taking: Taking) -> None:
        taking.is_abandoned = True
        if taking.is_granted:
            self._release(taking.held)

    def _release(self, held: Held) -> None:
        """Ends a hold whose caller went away while it was made; kept until that has worked."""
        self._abandoned.append(held)
        self._settle(held, (), ())

    def _give_back(self, unused_since: float) -> None:
        for lease in self._leases.idle(unused_since):
            self._submit(Return(self._writer.process, lease))

    async def _beat(self, is_alone: bool = False) -> None:
        now, heard_at = self._now(), self._clock.monotonic()
        sql, process = self._statements.ledger, self._writer.process

        def beat(connection: Connection) -> tuple[int, int]:
            is_known = connection.execute(sql.beat, {"process": process, "at": now}).rowcount == 1
            number = process if is_known else register(connection, sql, now, self._slot)
            connection.execute(sql.forget_recalls, {"before": now - RECALLED_SECONDS * SECOND})
            found = others(connection, sql, number)
            # The clock is asked behind the look at the store: nobody may seem silent for longer than they were.
            silent = self._hearing.silent(found, self._clock.monotonic(), self._slot)
            return number, resolve(connection, sql, [other for other, *_ in found] if is_alone else silent)

        number, lost = await self._journal.run(beat)
        if number != process:
            # Others took this process for dead, or it is new: what it had leased is not its own any more.
            self._leases = Leases()
            self._writer.process = number
        self._heard_at = heard_at
        if lost:
            structlog.get_logger().warning("ledger.resolved_lost_calls", calls=lost)


def _shortage(refused: Granted) -> OutOfCredit | KeyAlreadyUsed:
    want = refused.want
    if want.unit is Unit.USES:
        return KeyAlreadyUsed("This API key is good for a number of calls, and they are made, or under way.")
    needed, left = (str(to_decimal(want.unit, amount)) for amount in (want.expected, max(0, refused.left)))
    return OutOfCredit(
        f"Insufficient {want.unit}: this call needs {needed}, and {left} are left{TO_WHOM[want.holder]}.",
        details={"unit": want.unit.value, "needed": needed, "left": left, "holder": want.holder.value},
    )
