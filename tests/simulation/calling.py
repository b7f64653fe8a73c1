"""Callers: each makes one call, sees what it is sent, and may leave before the end."""

import asyncio
from dataclasses import dataclass

from tests.making import a_request
from tests.simulation.books import Books
from tests.simulation.process import Process
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import GatewayError
from tollbar.domain.events import Frames, is_content
from tollbar.domain.identity import Credential
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
    key: str
    request: CompletionRequest
    patience: float | None = None
    """Seconds after which the caller leaves; None for one who stays."""
    slots: int = 0
    """How many calls of the key may be under way in one process; 0 for any number."""
    ending: str = ""
    """`ended` for a whole answer, `left`, or an error's code; empty while it waits, or where it was cut off."""

    def call(self, process: Process, books: Books) -> None:
        """Makes the call."""
        task = process.loop.run(self._serve(process, books))
        task.add_done_callback(self._gone)
        if self.patience is not None:
            process.world.after(self.patience, lambda: process.is_alive and task.cancel())

    def _gone(self, task: asyncio.Task[None]) -> None:
        """The call is over; one that was cancelled before it began had no time to say so."""
        self.ending = self.ending or "left"

    async def _serve(self, process: Process, books: Books) -> None:
        """What the edge does, with what the caller was sent."""
        try:
            await self._answer(process, books)
            self.ending = "ended"
        except GatewayError as fault:
            self.ending = fault.code
        except asyncio.CancelledError:
            self.ending = "left"
        except Exception as fault:  # nobody else would hear of it
            process.world.fail(f"{self.request_id} met a fault that nobody foresaw: {fault!r}")
        process.world.note(self.request_id, self.ending)

    async def _answer(self, process: Process, books: Books) -> None:
        gateway, request = process.gateway, self.request
        principal = await gateway.authenticate(Credential(self.key, "authorization"), "192.0.2.7")
        arrival = Arrival(self.request_id, "/v1/chat/completions", "192.0.2.7", process.clock.monotonic())
        async with gateway.enter(principal, arrival) as visit:
            inside = process.inside[self.key] = process.inside.get(self.key, 0) + 1
            if self.slots and inside > self.slots:
                process.world.fail(f"{inside} calls of {self.key} are under way, where {self.slots} may be")
            try:
                await self._read(process, books, visit, request)
            finally:
                process.inside[self.key] -= 1

    async def _read(self, process: Process, books: Books, visit: Visit, request: CompletionRequest) -> None:
        async with process.gateway.open(visit, request) as reply:
            async for event in reply.events:
                if request.stream and is_content(event):
                    books.check_begun(self.request_id, self.key)
                if isinstance(event, Frames) and event.is_last:
                    books.check_ended(self.request_id)
            books.check_ended(self.request_id)
