"""Callers: each makes one call, sees what it is sent, and may leave before the end; some send a call again."""

import asyncio
from dataclasses import dataclass

from tests.making import a_request
from tests.simulation.holdings import Holding
from tests.simulation.process import Process, digest
from tests.simulation.promises import Promises
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import CallUnderWay, GatewayError, OtherCall, Overloaded, RateLimited
from tollbar.domain.events import Frames, is_content
from tollbar.domain.identity import Credential
from tollbar.domain.records import Outcome
from tollbar.domain.repeats import Repeatable
from tollbar.edge.line import Message
from tollbar.edge.repeating import Tape
from tollbar.gateway.visit import Arrival, Visit

REQUESTS: tuple[CompletionRequest, ...] = tuple(
    a_request(model, max_tokens=most, stream=stream)
    for model in ("smart", "dear")
    for most in (5, 60, 900)
    for stream in (True, True, False)
)


@dataclass(slots=True, eq=False)
class Caller:
    """One call, and what became of it."""

    request_id: str
    held: Holding
    request: CompletionRequest
    name: str = ""
    """Its `Idempotency-Key`, where it has one."""
    patience: float | None = None
    """Seconds after which the caller leaves; None for one who stays."""
    ending: str = ""
    """`ended` for a whole answer, `left`, or an error's code; empty while it waits, or where it was cut off."""

    def call(self, process: Process, promises: Promises) -> None:
        """Makes the call."""
        task = process.loop.run(self._serve(process, promises))
        task.add_done_callback(self._gone)
        if self.patience is not None:
            process.world.after(self.patience, lambda: process.is_alive and task.cancel())

    @property
    def repeatable(self) -> Repeatable:
        """What its `Idempotency-Key` makes of it."""
        body = digest(f"{self.request.model} {self.request.max_tokens} {self.request.stream}")
        return Repeatable(self.held.secret, digest(self.name), body, self.request_id)

    def _gone(self, task: asyncio.Task[None]) -> None:
        """The call is over; one that was cancelled before it began had no time to say so."""
        self.ending = self.ending or "left"

    async def _serve(self, process: Process, promises: Promises) -> None:
        """What the edge does, with what the caller was sent."""
        try:
            await self._answer(process, promises)
            self.ending = "ended"
        except GatewayError as fault:
            self.ending = fault.code
        except asyncio.CancelledError:
            self.ending = "left"
        except Exception as fault:  # nobody else would hear of it
            process.world.fail(f"{self.request_id} met a fault that nobody foresaw: {fault!r}")
        process.world.note(self.request_id, self.ending)

    async def _answer(self, process: Process, promises: Promises) -> None:
        gateway, tally = process.gateway, promises.tally
        principal = await gateway.authenticate(Credential(self.held.secret, "authorization"), "192.0.2.7")
        arrival = Arrival(self.request_id, "/v1/chat/completions", "192.0.2.7", process.clock.monotonic())
        try:
            async with gateway.enter(principal, arrival) as visit:
                tally.enters(process, self.held)
                try:
                    await (self._answer_once if self.name else self._read)(process, promises, visit)
                except Overloaded:
                    if visit.interruption is None:  # what is ended from outside may be whole, and on its way
                        promises.books.failed.add(self.request_id)
                    raise
                finally:
                    tally.leaves(process, self.held)
        except RateLimited as fault:
            tally.refuses(process, self.held, str(fault.details.get("measure")))
            raise

    async def _answer_once(self, process: Process, promises: Promises, visit: Visit) -> None:
        """As the edge does it: what is kept is sent again, and what is new is kept before its last byte goes out."""
        call, once, repeats = self.repeatable, promises.once, process.gateway.repeats
        if repeats is None:
            raise LookupError("nobody keeps answers")
        once.asks(call)
        try:
            async with repeats.turn(call) as turn:
                if turn.kept is not None:
                    visit.outcome = Outcome.CACHED
                    once.sends(call, turn.kept.request_id, turn.kept.body)
                    return
                once.begins(process, call)
                visit.keeps, sent = True, bytearray()

                async def send(message: Message) -> None:
                    await self._is_read(process)
                    sent.extend(bytes(message.get("body", b"")))  # type: ignore[call-overload]
                    if message["type"] == "http.response.body" and not message.get("more_body"):
                        promises.books.check_ended(self.request_id)
                        once.sends(call, self.request_id, bytes(sent))

                try:
                    await self._read(process, promises, visit, Tape(send, turn, visit))
                finally:
                    once.rests(call)
        except (CallUnderWay, OtherCall) as fault:
            once.refuses(call, fault)
            raise
        finally:
            if process.is_alive:
                once.ends(call, call in repeats._owed)

    async def _read(self, process: Process, promises: Promises, visit: Visit, tape: Tape | None = None) -> None:
        books, request = promises.books, self.request
        async with process.gateway.open(visit, request) as reply:
            if tape is not None:
                await tape({"type": "http.response.start", "status": 200, "headers": []})
            async for event in reply.events:
                if request.stream and is_content(event):
                    books.check_begun(self.request_id, self.held.secret)
                if tape is not None:
                    said = f"{self.request_id} at {process.world.now} "
                    await tape({"type": "http.response.body", "body": said.encode(), "more_body": True})
                else:
                    await self._is_read(process)
                    if isinstance(event, Frames) and event.is_last:
                        books.check_ended(self.request_id)
            if tape is not None:
                await tape({"type": "http.response.body", "body": b""})
            books.check_ended(self.request_id)

    async def _is_read(self, process: Process) -> None:
        """A piece of the answer is on its way, and nothing more is taken until the caller has it."""
        delay = process.world.network.delay()
        if delay:
            await process.clock.sleep(delay)
