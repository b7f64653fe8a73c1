"""What one connection may do before a request reaches the application.

uvicorn's protocol reads HTTP, with llhttp's strict parser behind it; this adds what it leaves out. A request's head is
bounded in bytes, header lines and time, its body in time without progress. Whatever two readers could understand
differently is refused. A refusal is an error of ours, sent once, and then the connection is closed; an answer that is
on its way is never mixed with one. No timer is set per request: the server asks each connection once a second.
"""

import secrets
from enum import Enum
from typing import Any

import httptools
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tollbar.edge.headers import process_headers
from tollbar.edge.line import Presence
from tollbar.edge.refusal import (
    ConnectionLimits,
    Refusal,
    address_too_long,
    bad_request,
    head_too_large,
    path_of,
    too_slow,
)
from tollbar.edge.sending import Sending
from tollbar.edge.sparing import Sparing
from tollbar.edge.telemetry import Memory

ONLY_ONCE = (b"authorization", b"host", b"transfer-encoding")
"""Headers of which two would let two readers choose differently; llhttp itself refuses a second Content-Length."""


class ServingState(ServerState):
    """What all connections of a server share."""

    def __init__(self, limits: ConnectionLimits) -> None:
        super().__init__()
        self.limits = limits
        self.is_draining = False
        self.memory = Memory()
        self.refusals = Sparing()


class Stage(Enum):
    """What a connection is waiting for: a request's head or body, our answer, the next request, or its end."""

    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    NEXT = "next"
    GOODBYE = "goodbye"


class Trailers(list[tuple[bytes, bytes]]):
    """Takes the place of a request's headers once they are complete.

    What a chunked body carries after its end would be appended to the headers that the application already trusts.
    """

    def append(self, _: tuple[bytes, bytes]) -> None:
        """Refuses the trailer, and with it the request."""
        raise httptools.HttpParserError("trailers are not accepted")


class Connection(HttpToolsProtocol):
    """One connection of a caller."""

    def __init__(
        self, config: Config, server_state: ServingState, app_state: dict[str, Any], _loop: Any = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._serving = server_state
        self._limits = server_state.limits
        self.url = b""  # until a request has begun
        self._received_bytes = 0
        self._head_from = 0  # how many had been received when the head that is awaited began, or may have begun
        self._is_mid_body = False
        self._refusal: Refusal | None = None
        self._is_refused = False
        self._is_parting = False
        self._presence = Presence()
        # What the last sweep saw, and since when: a deadline is of one stage of one request.
        self._seen: tuple[Stage, object, int] = (Stage.HEAD, None, 0)
        self._since = self.loop.time() - self._limits.sweep_seconds

    def data_received(self, data: bytes) -> None:
        """Parses what came; after a refusal it is thrown away."""
        if self._is_refused:
            return
        self._received_bytes += len(data)
        earlier = self.cycle
        super().data_received(data)
        cycle = self.cycle
        if cycle is not None and cycle.scope is self.scope:
            self._head_from = self._received_bytes
            self._is_mid_body = cycle.more_body
        elif self._is_mid_body or cycle is not earlier:
            # The head began somewhere in these bytes, behind the end of a request: it is counted from here on.
            self._head_from = self._received_bytes
            self._is_mid_body = False
        elif self._received_bytes - self._head_from > self._limits.head_bytes:
            self._refuse(head_too_large(self._limits))

    def on_headers_complete(self) -> None:
        """Lets the request pass to the application, unless its head is at fault."""
        is_upgrade = self.parser.should_upgrade()
        self._refusal = self._find_fault(is_upgrade)
        if self._refusal is not None:
            raise self._refusal
        super().on_headers_complete()
        self.headers = _TRAILERS
        self.scope["tollbar.presence"] = self._presence  # type: ignore[typeddict-unknown-key]
        if not is_upgrade and self.scope["method"] != "HEAD":
            self.cycle.send = Sending(self.cycle)  # type: ignore[method-assign]
        if self._serving.is_draining or is_upgrade:
            self.cycle.keep_alive = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells those who answer that nobody listens any more."""
        super().connection_lost(exc)
        self._presence.end()

    def on_response_complete(self) -> None:
        """Goes on to the next request, or parts if a later one was refused meanwhile."""
        if self.pipeline:
            super().on_response_complete()
            return
        # Without one that waits, uvicorn would set a timer; here the sweep watches idle connections.
        self._serving.total_requests += 1
        if self._is_refused:
            self._part()
        elif not self.transport.is_closing():
            self.flow.resume_reading()

    def send_400_response(self, msg: str) -> None:
        """Answers what the parser stopped at."""
        self._refuse(self._refusal or bad_request("The request is not well-formed HTTP/1.1."))

    def drain(self) -> None:
        """Lets the answer that is on its way, if any, be the last on this connection."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Closes the connection, or sees to it that it closes after its answer."""
        if self._is_parting:
            self.transport.close()
        else:
            super().shutdown()

    def sweep(self, now: float) -> None:
        """Ends the connection when it has waited too long; `now` is the loop's time, asked once for all connections."""
        stage = self._stage()
        progress = self._received_bytes if stage is Stage.BODY else 0
        seen_stage, seen_scope, seen_progress = self._seen
        if stage is not seen_stage or self.scope is not seen_scope or progress != seen_progress:
            self._seen = (stage, self.scope, progress)
            # It may have begun just after the last sweep: a deadline is met early rather than late.
            self._since = now - self._limits.sweep_seconds
            return
        waited_seconds = now - self._since
        match stage:
            case Stage.HEAD if waited_seconds >= self._limits.head_seconds:
                if self._received_bytes:
                    self._refuse(too_slow("head", self._limits.head_seconds))
                else:
                    self.transport.close()
            case Stage.BODY if waited_seconds >= self._limits.body_seconds:
                self._refuse(too_slow("body", self._limits.body_seconds))
            case Stage.NEXT if waited_seconds >= self._limits.idle_seconds:
                self.transport.close()
            case Stage.GOODBYE if waited_seconds >= self._limits.linger_seconds:
                self.transport.close()

    def _stage(self) -> Stage:
        cycle = self.cycle
        if self._is_refused:
            return Stage.GOODBYE if self._is_parting else Stage.ANSWER
        if self.flow.read_paused:  # then it is we who do not read
            return Stage.ANSWER
        if cycle is None or cycle.scope is not self.scope:
            return Stage.HEAD
        if cycle.response_complete:
            return Stage.NEXT
        return Stage.BODY if cycle.more_body else Stage.ANSWER

    def _find_fault(self, is_upgrade: bool) -> Refusal | None:
        """What is wrong with a head that the parser found well-formed."""
        limits, headers = self._limits, self.headers
        if len(self.url) > limits.url_bytes:
            return address_too_long(limits)
        # The bytes of a body may be among those received, so only when they are many is the head itself counted.
        if len(headers) > limits.header_lines or (
            self._received_bytes - self._head_from > limits.head_bytes and self._head_bytes() > limits.head_bytes
        ):
            return head_too_large(limits)
        by_name = dict(headers)
        if len(by_name) != len(headers):
            names = [name for name, _ in headers]
            if twice := next((name for name in ONLY_ONCE if names.count(name) > 1), None):
                return bad_request(f"There is more than one header {twice.decode()!r}.")
        if b"host" not in by_name and self.parser.get_http_version() != "1.0":
            return bad_request("The header 'host' is missing.")
        if b"transfer-encoding" in by_name:
            is_chunked = by_name[b"transfer-encoding"].lower() == b"chunked"
            if not is_chunked or self.parser.get_http_version() == "1.0":
                return bad_request("The only transfer encoding accepted here is 'chunked', of HTTP/1.1.")
        # With an upgrade, the parser takes what follows the head for another protocol and the body would be lost.
        if is_upgrade and (self.parser.get_method() == b"CONNECT" or not by_name.keys().isdisjoint(_BODY_HEADERS)):
            return bad_request("A request with a body cannot ask for an upgrade: set the client to plain HTTP/1.1.")
        return None

    def _head_bytes(self) -> int:
        # Four for each header: colon, space, and the end of the line.
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self, refusal: Refusal) -> None:
        """Answers with the refusal, if no other answer is on its way, and parts."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        request_id = f"req_{secrets.token_hex(12)}"
        left_out = self._serving.refusals.left_out(self.loop.time())
        if left_out is not None:
            structlog.get_logger("tollbar.access").warning(
                "connection.refused",
                request_id=request_id,
                status=refusal.error.status,
                code=refusal.error.code,
                address=self.client[0] if self.client else "",
                left_out=left_out,
            )
        cycle = self.cycle
        is_mid_body = cycle is not None and cycle.scope is self.scope and cycle.more_body
        if cycle is None or (cycle.response_complete and not is_mid_body):
            self.transport.write(self._refusing(refusal, request_id))
        elif self.pipeline or not is_mid_body:
            # An earlier request is being served, and those that wait behind it never began: `on_response_complete`
            # parts when it is done.
            cycle.keep_alive = False
            self.pipeline.clear()
            self.flow.resume_reading()
            return
        elif not cycle.response_complete:
            # The application is waiting for this body: it learns that its caller has left.
            cycle.disconnected = True
            cycle.message_event.set()
            if not cycle.response_started:
                self.transport.write(self._refusing(refusal, request_id))
        self._part()

    def _refusing(self, refusal: Refusal, request_id: str) -> bytes:
        """The refusal's bytes. It is decided as soon as it is seen: what came before is the caller's time, not ours."""
        now = self.loop.time()
        headers = [*self._serving.default_headers, *process_headers(self._serving.memory, now, now)]
        return refusal.answer(path_of(self.url), request_id, headers)

    def _part(self) -> None:
        """Says that nothing more will be sent, and listens a little longer."""
        if self.transport.is_closing():
            return
        self._is_parting = True
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()


_TRAILERS = Trailers()
_BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding"})
