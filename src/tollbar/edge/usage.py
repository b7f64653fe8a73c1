"""`/v1/me/usage`: what the holder of a key used, what is left and until when, and each call as it is settled. Free."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
from fastapi import Request
from starlette.responses import Response, StreamingResponse

from tollbar.domain import pace
from tollbar.domain.errors import GatewayError, InvalidValue, NotAllowed
from tollbar.domain.identity import KeyKind, Principal
from tollbar.edge.acting import caller_of
from tollbar.edge.address import source
from tollbar.edge.asked import end_user_in
from tollbar.edge.bodies import NOT_KEPT, answer
from tollbar.edge.credentials import credential_in
from tollbar.edge.paging import number_in
from tollbar.edge.services import Services
from tollbar.edge.usage_schemas import PacedAllowanceView, SettledView, UsageView

USUAL_DAYS = 30
MOST_DAYS = 366
HEARTBEAT_SECONDS = 15.0
LOOK_SECONDS = 1.0
"""How often a stream asks whether the key is still good, and the server is not about to stop."""
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


async def show(request: Request) -> Response:
    """What the caller's key used by day and model, or one of its end users; each allowance, and when it runs out."""
    services: Services = request.app.state.services
    principal, end_user = await _asking(request)
    now = services.clock.now()
    since = now.date() - timedelta(days=number_in(request.query_params, "days", USUAL_DAYS, MOST_DAYS) - 1)
    used = await services.usage.by_day(principal.key_id, principal.end_user, since)
    lately = now.date() - timedelta(days=pace.DAYS - 1)
    standing = await services.ledger.standing(principal.key_id, principal.end_users)
    spent = {
        holder: await services.usage.spending(principal, holder, lately)
        for holder in {allowance.id.holder for allowance in standing}
    }
    paced = [PacedAllowanceView.paced(one, spent[one.id.holder], now) for one in standing]
    return answer(UsageView.of(since, end_user, used, paced))


async def stream(request: Request) -> Response:
    """Server-sent events: each call of the key as it is settled, wherever it was made; a comment when there is none."""
    services: Services = request.app.state.services
    principal, _ = await _asking(request)
    headers = {**NOT_KEPT, "x-accel-buffering": "no"}
    credential = credential_in(request.scope["headers"])
    address = source(services.doors.addresses.find(request.scope.get("client"), request.scope["headers"]))

    async def is_good() -> bool:
        try:
            return (await services.gateway.authenticator.caller(credential, address)).key_id == principal.key_id
        except GatewayError:
            return False

    async def events() -> AsyncIterator[bytes]:
        heard_at = services.clock.monotonic()
        async with services.feed.listening(principal.key_id) as calls:
            yield b": listening\n\n"
            while services.is_ready() and await is_good():
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        line = await calls.get()
                except TimeoutError:
                    if services.clock.monotonic() - heard_at < HEARTBEAT_SECONDS:
                        continue
                    heard_at = services.clock.monotonic()
                    yield b": waiting\n\n"
                    continue
                if principal.end_user in (None, line.end_user):
                    heard_at = services.clock.monotonic()
                    yield b"data: %b\n\n" % _ENCODE(SettledView.of(line).model_dump())

    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)


async def _asking(request: Request) -> tuple[Principal, str | None]:
    """The key, and the end user whose usage is asked for; raises NotAllowed for callers without a key."""
    services: Services = request.app.state.services
    principal = caller_of(request)
    if principal.kind is KeyKind.ANONYMOUS:
        raise NotAllowed("Callers without a key are many, and have no usage of their own.", hint="Send a key.")
    name = end_user_in(request.scope["headers"]) or request.query_params.get("user", "")
    if not name:
        return principal, None
    if not principal.end_user_terms or services.gateway.end_users is None:
        hint = "Its keeper can change that: 'tollbar keys end-users'."
        raise InvalidValue("This key does not tell its end users apart.", field="user", hint=hint)
    return await services.gateway.end_users.seen(principal, name), name
