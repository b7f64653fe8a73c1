"""What is truly outside a call: the request's id, and a log line for requests that are no calls."""

import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from datetime import datetime

import structlog

from tollbar.domain.limits import Room
from tollbar.edge.headers import limit_headers, process_headers
from tollbar.edge.line import Message, Receive, Send
from tollbar.edge.receiving import CallerLeft
from tollbar.edge.telemetry import Memory
from tollbar.gateway.record import STATUS_CALLER_LEFT

Scope = MutableMapping[str, object]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class RequestIds:
    """Gives every request an id of ours; the caller finds it in `x-request-id`, the operator in the log.

    Ids are unique, not secret: they open nothing. They grow, because the store keeps calls in the order of their ids,
    and scattered ones would cost it more with each: the moment of the start, a mark of the process, and a count.
    """

    def __init__(self, application: Application, started_at: datetime) -> None:
        self._application = application
        self._prefix = f"req_{int(started_at.timestamp() * 1_000):011x}{secrets.token_hex(2)}"
        self._count = 0

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serves one connection event."""
        if scope["type"] == "http":
            self._count += 1
            scope["tollbar.request_id"] = f"{self._prefix}{self._count:09x}"
        return self._application(scope, receive, send)


class AccessLog:
    """Writes one line for each request of the control plane, and puts on its answer what every answer carries."""

    def __init__(self, application: Application, memory: Memory) -> None:
        self._application = application
        self._memory = memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        request_id = str(scope["tollbar.request_id"])
        status = 0
        began = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(str(message["status"]))
                headers = message.get("headers", ())
                rooms: Sequence[Room] = scope.get("tollbar.rooms", ())  # type: ignore[assignment]
                ours = limit_headers(rooms) + process_headers(self._memory, began, time.perf_counter())
                message["headers"] = [*headers, (b"x-request-id", request_id.encode()), *ours]  # type: ignore[misc]
            await send(message)

        try:
            await self._application(scope, receive, sending)
        except CallerLeft:
            status = STATUS_CALLER_LEFT
        finally:
            structlog.get_logger("tollbar.access").info(
                "request",
                request_id=request_id,
                method=scope["method"],
                path=scope["path"],
                status=status,
                seconds=round(time.perf_counter() - began, 6),
            )
