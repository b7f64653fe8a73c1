"""What is truly outside a call: the request's id, and a log line for requests that are no calls."""

import os
import random
import time
from collections.abc import Awaitable, Callable, MutableMapping

import structlog

from tollbar.edge.line import Message, Receive, Send
from tollbar.edge.receiving import CallerLeft
from tollbar.gateway.record import STATUS_CALLER_LEFT

Scope = MutableMapping[str, object]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class RequestIds:
    """Gives every request an id of ours; the caller finds it in `x-request-id`, the operator in the log."""

    def __init__(self, application: Application) -> None:
        self._application = application
        # Ids are to be unique, not secret: they open nothing.
        self._draw = random.Random(os.urandom(32)).getrandbits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection event."""
        if scope["type"] == "http":
            scope["tollbar.request_id"] = f"req_{self._draw(96):024x}"
        await self._application(scope, receive, send)


class AccessLog:
    """Writes one line for each request of the control plane and puts the request's id on its answer."""

    def __init__(self, application: Application) -> None:
        self._application = application

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
                message["headers"] = [*headers, (b"x-request-id", request_id.encode())]  # type: ignore[misc]
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
