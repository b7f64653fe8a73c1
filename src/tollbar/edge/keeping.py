"""A call whose answer may be kept: what it goes on from is looked up before, what was answered is kept as it goes out.

A response is durable before its last byte is sent, so that whoever has it can go on from it, in whatever process.
"""

from typing import NamedTuple

import structlog

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.records import Outcome
from tollbar.domain.responses import KeptResponse
from tollbar.edge.line import Message, Send
from tollbar.gateway.completions import Gateway
from tollbar.gateway.estimate import prompt_bytes
from tollbar.gateway.responses import Responses, may_keep, unknown
from tollbar.gateway.visit import Visit
from tollbar.wire.openai_responses import keeping
from tollbar.wire.openai_responses.keeping import Told


class Remembered(NamedTuple):
    """A request with what it goes on from, and where its answer goes."""

    request: CompletionRequest
    send: Send


async def remember(
    gateway: Gateway, visit: Visit, request: CompletionRequest, send: Send, most_bytes: int
) -> Remembered:
    """The request as it is to be answered; raises UnknownResponse, Overloaded, or InvalidValue.

    What it goes on from may be as large as `most_bytes`.
    """
    wish, responses = keeping.wish_in(request), gateway.responses
    thread: tuple[str, ...] = ()
    if wish.previous is not None:
        if responses is None:
            raise unknown(wish.previous)
        found = await responses.thread(visit.principal, wish.previous, most_bytes)
        size = prompt_bytes(request) + keeping.size_of(found)
        request = keeping.continued(request, found)._replace(prompt_bytes=size)
        thread = tuple(turn.id for turn in found.turns)
    if responses is None or not wish.is_kept or not may_keep(visit.principal):
        return Remembered(request, send)
    items = keeping.items_in(request)
    origin = KeptResponse(visit.principal.key_id, "", wish.previous, None, request.model, items, b"")
    return Remembered(keeping.kept(request), Keeper(send, visit, responses, origin, thread))


class Keeper:
    """An ASGI `send` that keeps the response that goes out, before the last of it is sent."""

    def __init__(
        self, send: Send, visit: Visit, responses: Responses, origin: KeptResponse, thread: tuple[str, ...]
    ) -> None:
        self._send = send
        self._visit = visit
        self._responses = responses
        self._origin = origin
        self._thread = thread

    async def __call__(self, message: Message) -> None:
        """Takes the next message."""
        body = message.get("body")
        if isinstance(body, bytes) and body and self._visit.outcome is Outcome.OK:
            told = keeping.told_in(body, bool(message.get("more_body")))
            if told is not None:
                await self._keep(told)
        await self._send(message)

    async def _keep(self, told: Told) -> None:
        visit = self._visit
        is_ours = told.id == f"resp_{visit.arrival.request_id}"
        provider = visit.tries[-1].target.provider if told.is_kept_there and not is_ours and visit.tries else None
        response = self._origin._replace(id=told.id, provider=provider, document=told.document)
        if not await self._responses.keep(response, self._thread):
            structlog.get_logger("tollbar").warning("response.not_kept", request_id=visit.arrival.request_id)
