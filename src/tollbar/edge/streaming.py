"""One call as an ASGI application: it owns the call from the credential to the last byte.

The gateway's blocks are entered inside this object's own `__call__`, so an error before the first byte is an ordinary
HTTP error, and a caller who leaves, a normal end and a killed task all leave through the same blocks.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field

import structlog

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import CallCancelled, GatewayError, InternalError, Overloaded, RateLimited
from tollbar.domain.events import Dropped, Frames, StreamEvent
from tollbar.domain.identity import KeyKind, Principal
from tollbar.domain.records import Outcome
from tollbar.edge import quoting as dry_run
from tollbar.edge.address import NOBODY_TRUSTED, Addresses, source
from tollbar.edge.asked import asked_in
from tollbar.edge.credentials import credential_in
from tollbar.edge.ending import FIRST_BYTES, Said, early_end
from tollbar.edge.headers import (
    STREAMED,
    call_headers,
    dropped_header,
    error_headers,
    process_headers,
    target_header,
)
from tollbar.edge.keeping import remember
from tollbar.edge.line import Departure, Headers, Line, Receive, Send
from tollbar.edge.origins import NO_ORIGIN, Origins, refuse_cross_site
from tollbar.edge.query import hidden_keys
from tollbar.edge.receiving import MAX_BODY_SETTING, CallerLeft, read_body
from tollbar.edge.repeating import Tape, head_of, repeatable
from tollbar.edge.sparing import Sparing
from tollbar.edge.telemetry import Memory
from tollbar.gateway.completions import Gateway, Reply
from tollbar.gateway.counting import count
from tollbar.gateway.quoting import quote
from tollbar.gateway.repeats import Turn
from tollbar.gateway.resolve import Pin
from tollbar.gateway.terms import scope_of
from tollbar.gateway.visit import Arrival, Pace, Visit
from tollbar.wire.dialect import Dialect, Incoming, Relayed, Stamp, StreamEncoder

SILENCE_SECONDS = 15.0
"""A streaming caller who has heard nothing for so long gets a comment, so that no proxy on the way gives up."""
DEFAULT_BODY_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one row of the route table says of a completion-like endpoint.

    `route` is what records and limits call it, the path itself where it is empty; `body_setting` the name of the
    setting behind `max_body_bytes`; `origins` are the sites whose pages may call without a key. What `quotes`
    calls nobody.
    """

    gateway: Gateway
    dialect: Dialect
    pin: Pin = Pin.NAMED
    max_body_bytes: int = DEFAULT_BODY_BYTES
    silence_seconds: float = SILENCE_SECONDS
    memory: Memory = field(default_factory=Memory)
    refusals: Sparing = field(default_factory=Sparing)
    route: str = ""
    pace: Pace | None = None
    body_setting: str = MAX_BODY_SETTING
    addresses: Addresses = NOBODY_TRUSTED
    reads_query_key: bool = False
    origins: Origins = NO_ORIGIN
    quotes: bool = False

    def __call__(self, scope: MutableMapping[str, object], receive: Receive, send: Send) -> Awaitable[None]:
        """Serves one request."""
        return CallResponse(self, scope, receive, send).serve()


class CallResponse:
    """Serves one call."""

    def __init__(self, endpoint: Endpoint, scope: MutableMapping[str, object], receive: Receive, send: Send) -> None:
        self._endpoint = endpoint
        self._dialect = endpoint.dialect
        self._scope = scope
        self._receive = receive
        self._send = send
        self._line = Line(send)
        self._departure = Departure(receive, scope.get("tollbar.presence"))  # type: ignore[arg-type]
        self._visit: Visit | None = None
        self._encoder: StreamEncoder | None = None
        self._first = self._last = b""
        self._dropped: tuple[str, ...] = ()
        self._began = endpoint.gateway.clock.monotonic()
        self._request_id = str(scope["tollbar.request_id"])

    async def serve(self) -> None:
        """Answers, whatever happens; only a cancellation from outside leaves."""
        with self._departure:
            try:
                await self._call()
            except GatewayError as error:
                await self._fail(error)
            except CallerLeft:
                return
            except Exception:  # the edge's last resort: a fault of ours becomes a 500 with an id
                structlog.get_logger().exception("call.crashed", request_id=self._request_id)
                await self._fail(InternalError("Something went wrong on our side.", hint=f"Id: {self._request_id}."))

    async def _call(self) -> None:
        endpoint = self._endpoint
        gateway = endpoint.gateway
        arrival = self._arrival()
        async with gateway.enter(await self._authenticate(arrival), arrival) as visit:
            self._visit = visit
            headers: Headers = self._scope["headers"]  # type: ignore[assignment]
            name, is_dry, visit.end_user = asked_in(headers, gateway.repeats is not None)
            body = await read_body(headers, self._receive, endpoint.max_body_bytes, endpoint.body_setting)
            call = (
                None if name is None else repeatable(self._scope, scope_of(visit.principal, arrival.source), name, body)
            )
            request = self._request(body)
            del body
            if self._dialect.is_kept:
                request, self._send = await remember(gateway, visit, request, self._send, endpoint.max_body_bytes)
                self._line = Line(self._send)
            if request.uploads:
                await gateway.allow_uploads(visit, request)
            if self._dialect.encode_count is not None:
                await self._count(visit, request, self._dialect.encode_count)
                return
            if is_dry or endpoint.quotes:
                await self._quote(visit, request)
                return
            if call is not None and gateway.repeats is not None:
                await self._answer_once(visit, request, gateway.repeats.turn(call))
                return
            async with gateway.open(visit, request, endpoint.pin) as reply:
                del request  # a stream may last for an hour, and its request need not be kept for it
                await (self._pump(reply) if reply.request.stream else self._whole(reply))

    async def _answer_once(self, visit: Visit, request: CompletionRequest, turn: Turn) -> None:
        """Answers a call that may be sent again: with what it was answered before, if it was."""
        async with turn:
            if turn.kept is not None:
                visit.outcome = Outcome.CACHED
                self._departure.stop()
                await self._line.whole(turn.kept.status, [*head_of(turn.kept), *self._headers()], turn.kept.body)
                return
            visit.keeps, tape = True, Tape(self._send, turn, visit)
            self._line = Line(tape)
            try:
                async with self._endpoint.gateway.open(visit, request, self._endpoint.pin) as reply:
                    await (self._pump(reply) if reply.request.stream else self._whole(reply))
            except BaseException:  # whatever is said now is no answer, and what was held back is not sent
                self._line = Line(self._send, self._line.status if tape.has_begun else 0)
                raise

    async def _quote(self, visit: Visit, request: CompletionRequest) -> None:
        """Tells what the call would cost, and does not make it."""
        quoted = await quote(self._endpoint.gateway, visit, request, self._endpoint.pin)
        head = [(b"content-type", b"application/json"), (dry_run.HEADER, b"true")]
        await self._say_whole([*head, *self._headers()], dry_run.told(quoted))

    def _arrival(self) -> Arrival:
        scope, endpoint = self._scope, self._endpoint
        headers: Headers = scope["headers"]  # type: ignore[assignment]
        address = endpoint.addresses.find(scope.get("client"), headers)
        route = endpoint.route or str(scope["path"])
        told_status = endpoint.dialect.status_of
        return Arrival(self._request_id, route, address, self._began, source(address), endpoint.pace, told_status)

    def _request(self, body: bytes) -> CompletionRequest:
        """The request, in the form of the dialect that its headers ask for; from then on a leaving caller is noticed.

        The headers are let go: a stream may last for an hour, and nobody asks for them again.
        """
        scope, endpoint, dialect = self._scope, self._endpoint, self._dialect
        headers: Headers = scope["headers"]  # type: ignore[assignment]
        name = str(scope.get("tollbar.path_name", ""))
        incoming = Incoming(body, headers, scope["query_string"], name, str(scope["method"]))  # type: ignore[arg-type]
        if dialect.variant is not None:
            dialect = self._dialect = dialect.variant(incoming)
        request = dialect.decode(incoming)
        scope["headers"] = []
        if request.stream:
            self._departure.reassure(self._reassure, endpoint.silence_seconds)
        else:
            self._departure.watch()
        return request

    async def _authenticate(self, arrival: Arrival) -> Principal:
        """Who calls. A refusal here has no record, for nobody knows whose it would be; it has a log line, sparingly."""
        headers: Headers = self._scope["headers"]  # type: ignore[assignment]
        in_query = hidden_keys(self._scope) if self._endpoint.reads_query_key else ()
        try:
            principal = await self._endpoint.gateway.authenticate(credential_in(headers, in_query), arrival.source)
            if principal.kind is KeyKind.ANONYMOUS:
                refuse_cross_site(headers, self._endpoint.origins)
            return principal
        except GatewayError as error:
            self._endpoint.refusals.tell(self._began, arrival, error)
            raise

    async def _count(self, visit: Visit, request: CompletionRequest, encode: Callable[[int], bytes]) -> None:
        counted = await count(self._endpoint.gateway, visit, request)
        by = (b"x-tollbar-counted-by", counted.by.encode())
        await self._say_whole([(b"content-type", b"application/json"), by, *self._headers()], encode(counted.tokens))

    async def _pump(self, reply: Reply) -> None:
        async for event in reply.events:
            if isinstance(event, Frames):
                data = event.raw
                self._first = self._first or data[:FIRST_BYTES]
            elif isinstance(event, Dropped):
                await self._say_dropped(event)
                continue
            else:
                self._encoder = self._encoder or self._dialect.stream_encoder(reply.request, self._stamp())
                data = self._encoder.encode(event)
            if not self._line.has_started:
                await self._line.start(200, self._stream_headers(reply))
            if data:
                self._last = data
                await self._line.say(data)
        if self._encoder is not None:
            await self._line.say(self._encoder.end())
        self._departure.stop()
        await self._line.end()

    async def _whole(self, reply: Reply) -> None:
        events: list[StreamEvent] = [event async for event in reply.events]
        kind = b"application/json"
        match events:
            case [Frames(raw=body, content_type=told)]:
                kind = told.encode()
            case _:
                self._dropped = tuple(field for event in events if isinstance(event, Dropped) for field in event.fields)
                body = self._dialect.encode(reply.request, events, self._stamp())
        await self._say_whole([(b"content-type", kind), *self._headers(), target_header(reply.target)], body)

    async def _say_whole(self, headers: Headers, body: bytes) -> None:
        self._departure.stop()
        await self._line.whole(200, headers, body)

    async def _say_dropped(self, dropped: Dropped) -> None:
        """Has the headers tell what the request lost; a comment does, when they are gone already."""
        self._dropped = dropped.fields
        if self._line.has_started and self._dialect.comment.startswith(b":"):
            await self._line.say(b": %b: %b\n\n" % dropped_header(dropped.fields))

    async def _reassure(self) -> None:
        """Tells a caller who waits for a stream that we are still there, once the hold is durable."""
        comment = self._dialect.comment
        if not comment or self._visit is None or self._visit.committed is None:
            return
        try:
            await self._visit.committed()
        except Overloaded:
            return  # the call itself is about to say so
        if not self._line.is_idle:
            return
        if not self._line.has_started:
            await self._line.start(200, self._stream_headers(None))
        await self._line.say(comment)

    async def _fail(self, error: GatewayError) -> None:
        dialect, visit = self._dialect, self._visit
        if isinstance(error, CallCancelled) and visit is not None and visit.request and visit.request.stream:
            if not self._line.has_started:
                await self._line.start(200, self._stream_headers(None))
            said = Said(self._encoder, Relayed(self._first, self._last))
            await self._line.last(early_end(dialect, visit.request, self._stamp(), said, visit.usage))
        elif self._line.has_started:
            if dialect.encode_stream_error is None:
                return  # without its end the answer is broken off: the server closes the connection, the client raises
            await self._line.last(dialect.broken(error, self._request_id, self._last))
        else:
            status, body = dialect.encode_error(error, self._request_id)
            headers = [(b"content-type", b"application/json"), *self._headers(error), *error_headers(error)]
            await self._line.whole(status, headers, body)

    def _headers(self, error: GatewayError | None = None) -> Headers:
        visit, endpoint, more = self._visit, self._endpoint, self._dialect.more_headers
        rooms = error.rooms if isinstance(error, RateLimited) else visit.rooms if visit is not None else ()
        return [
            *call_headers(self._request_id, self._dropped, rooms, visit),
            *(more(self._request_id, rooms, endpoint.gateway.clock.now()) if more is not None else ()),
            *process_headers(endpoint.memory, self._began, endpoint.gateway.clock.monotonic()),
        ]

    def _stream_headers(self, reply: Reply | None) -> Headers:
        target = [target_header(reply.target)] if reply else ()
        return [(b"content-type", self._dialect.stream_content_type), *STREAMED, *self._headers(), *target]

    def _stamp(self) -> Stamp:
        clock, began = self._endpoint.gateway.clock, self._began
        return Stamp(self._request_id, int(clock.now().timestamp()), lambda: clock.monotonic() - began)
