"""What stands before `transformers serve`, in the same process: an ASGI application that only our own key opens.

Of its addresses, one is let through: a chat. Each goes in as a stream and comes out as OpenAI's API has it, whole or
streamed, faults included. One answer is made at a time, and one that nobody waits for ends.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from uuid import uuid4

from tollbar.providers.local.transformers.asking import RefusedError, read
from tollbar.providers.local.transformers.generation import Desk, Wanted
from tollbar.providers.local.transformers.hearing import FailedError, Hearing

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CHAT = "/v1/chat/completions"
MODELS = "/v1/models"


class Front:
    """The application; `inner` is the server's, which has loaded the model of `path`.

    `faults` are the errors that a conversation may raise in there before an answer is begun, such as a template's.
    """

    def __init__(
        self, inner: App, desk: Desk, *, name: str, path: str, key: str, faults: tuple[type[Exception], ...]
    ) -> None:
        self._inner = inner
        self._desk = desk
        self._name = name
        self._path = path
        self._key = f"Bearer {key}".encode()
        self._faults = faults
        self._one = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the beginning and end of the server."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
        elif not hmac.compare_digest(dict(scope["headers"]).get(b"authorization", b""), self._key):
            await _refuse(send, 401, "This server is Tollbar's own.", "")
        elif (scope["method"], scope["path"]) == ("GET", MODELS):
            listed = {"object": "list", "data": [{"id": self._name, "object": "model"}]}
            await _answer(send, 200, json.dumps(listed).encode())
        elif (scope["method"], scope["path"]) == ("POST", CHAT):
            await self._chat(scope, receive, send)
        else:
            await _refuse(send, 404, "There is nothing here.", "")

    async def _chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, is_there = b"", True
        while is_there:
            message = await receive()
            body += message.get("body", b"")
            is_there = message["type"] == "http.request" and message.get("more_body", False)
        try:
            asked = read(body, self._path)
        except RefusedError as fault:
            await _refuse(send, 400, str(fault), fault.field)
            return
        wanted = Wanted(asked.seed, asked.samples)
        leaving = asyncio.create_task(_left(receive, wanted))
        try:
            async with self._one:
                if not wanted.is_over.is_set():
                    self._desk.wanted = wanted
                    exchange = Exchange(send, Hearing(asked, self._name), wanted, asked.is_stream)
                    await self._pass(_inward(scope, asked.body), asked.body, exchange)
        finally:
            leaving.cancel()

    async def _pass(self, scope: Scope, body: bytes, exchange: "Exchange") -> None:
        """Has the server answer. It comes to its end even when the caller leaves: within a token, then."""
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return waiting.pop() if waiting else await asyncio.Future()

        try:
            await self._inner(scope, receive, exchange.hear)
        except self._faults as fault:
            await exchange.fail(400, f"The model's template cannot make a prompt of the messages: {fault}")
        await exchange.end()


class Exchange:
    """One chat under way: takes the server's messages, and sends the caller what they mean."""

    def __init__(self, send: Send, hearing: Hearing, wanted: Wanted, is_stream: bool) -> None:
        self._send = send
        self._hearing = hearing
        self._wanted = wanted
        self._is_stream = is_stream
        self._status = 200
        self._refused = b""
        self._kept = b""
        self._is_begun = False
        self._is_over = False

    async def hear(self, message: Message) -> None:
        """One message of the server."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif self._status != 200:
            self._refused += message.get("body", b"")
        elif not self._is_over and not self._wanted.is_over.is_set():
            try:
                await self._say(self._hearing.feed(message.get("body", b"")))
            except FailedError as fault:
                is_ours = bool(self._wanted.refusal)
                told = self._wanted.refusal or f"The model failed: {fault}"
                await self.fail(400 if is_ours else 500, told)

    async def fail(self, status: int, message: str) -> None:
        """The answer cannot be made, or not to its end: said with a status while that is possible."""
        if self._is_over:
            return
        self._is_over = True
        if not self._is_begun:
            await _refuse(self._send, status, message, "messages" if status == 400 else "")
            return
        frame = b"data: " + _error(message, "", "server_error") + b"\n\n"
        await self._send({"type": "http.response.body", "body": frame, "more_body": False})

    async def end(self) -> None:
        """The server has nothing more to say."""
        if self._status != 200:
            told = self._refused.decode("utf-8", "replace")[:300]
            await self.fail(400 if self._status < 500 else 500, f"The model's server refuses the request: {told}")
        if self._is_over or self._wanted.is_over.is_set():
            return
        if not self._hearing.finish:
            await self.fail(500, "The model's server ended its answer too early.")
        elif self._is_stream:
            await self._say(b"")
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await _answer(self._send, 200, self._hearing.whole())

    async def _say(self, frames: bytes) -> None:
        """Sends frames on; the first, which says who speaks, waits for more or the end: only then is it an answer."""
        if not self._is_stream or not (frames or self._kept):
            return
        if frames and not self._is_begun and b'"content"' not in frames and not self._kept:
            self._kept = frames
            return
        if not self._is_begun:
            self._is_begun = True
            await self._send(_head(200, b"text/event-stream"))
        frames, self._kept = self._kept + frames, b""
        await self._send({"type": "http.response.body", "body": frames, "more_body": True})


async def _left(receive: Receive, wanted: Wanted) -> None:
    """Notices that the caller leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass
    wanted.is_over.set()


def _inward(scope: Scope, body: bytes) -> Scope:
    """The request as the server is to see it."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers.append((b"x-request-id", b"chatcmpl-" + uuid4().hex.encode()))
    return {**scope, "headers": headers, "query_string": b""}


def _head(status: int, kind: bytes, length: int | None = None) -> Message:
    size = [] if length is None else [(b"content-length", b"%d" % length)]
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), *size]}


async def _answer(send: Send, status: int, document: bytes) -> None:
    await send(_head(status, b"application/json", len(document)))
    await send({"type": "http.response.body", "body": document, "more_body": False})


async def _refuse(send: Send, status: int, message: str, field: str) -> None:
    kind = "invalid_request_error" if status < 500 else "server_error"
    await _answer(send, status, _error(message, field, kind))


def _error(message: str, field: str, kind: str) -> bytes:
    error = {"message": message, "type": kind, "param": field or None, "code": None}
    return json.dumps({"error": error}, ensure_ascii=False).encode()
