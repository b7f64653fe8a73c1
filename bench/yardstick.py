"""The yardstick: the least gateway in Python that knows its callers, run as `python -m bench.yardstick`.

A plain ASGI application on the same server and client libraries as Tollbar: it looks the key up, checks a rate and a
credit, forwards the bytes, reads the usage, and keeps a row for each call in SQLite, in batches. It has no routes, no
retries, no durable ledger, no limits in tokens or dollars, no metrics, and no errors worth the name. The budgets of a
call were set beside such a one, on another machine: what it costs here says how fast this machine is today.
"""

import asyncio
import hashlib
import hmac
import json
import sqlite3
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec
import uvicorn

PEPPER = b"yardstick"
MOST_PER_MINUTE = 100_000_000
FLUSH_SECONDS = 0.25

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Answer(msgspec.Struct):
    usage: _Usage | None = None


class _Asked(msgspec.Struct):
    model: str
    messages: msgspec.Raw
    stream: bool = False


_read_answer = msgspec.json.Decoder(_Answer).decode
_read_asked = msgspec.json.Decoder(_Asked).decode


class _Caller:
    """One key: when its last calls came, and what it has left."""

    def __init__(self) -> None:
        self.calls: deque[float] = deque(maxlen=1_000)
        self.credits = 10**12


class Yardstick:
    """The application. `key` is the one that it knows, and `asks` that by which its provider knows it.

    `bases` are the provider's addresses by model, "" for any other; "{model}" in one stands for the model's name.
    """

    def __init__(self, bases: dict[str, str], key: str, asks: str, file: str) -> None:
        self._bases = bases
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {asks}"}
        self._callers = {_digest(f"Bearer {key}".encode()): _Caller()}
        self._rows: list[tuple[Any, ...]] = []
        self._file = file
        self._session: aiohttp.ClientSession | None = None
        self._flushing: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serves one connection event."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
        self._flushing = asyncio.create_task(self._flush())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._flushing.cancel()
        await self._session.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        began = time.monotonic()
        caller = self._callers.get(_digest(dict(scope["headers"]).get(b"authorization", b"")))
        if caller is None:
            await _whole(send, 401, b"{}")
            return
        caller.calls.append(began)
        if (caller.calls[0] > began - 60 and len(caller.calls) > MOST_PER_MINUTE) or caller.credits < 1:
            await _whole(send, 429, b"{}")
            return
        caller.credits -= 1
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message.get("more_body"):
                break
        asked = _read_asked(body)
        usage = await self._forward(asked, body, send)
        told = (usage.prompt_tokens, usage.completion_tokens) if usage else (None, None)
        self._rows.append((began, time.monotonic() - began, asked.model, 200, *told))

    async def _forward(self, asked: _Asked, body: bytes, send: Send) -> _Usage | None:
        if self._session is None:
            raise RuntimeError("the lifespan has not begun")
        base = self._bases.get(asked.model, self._bases[""]).replace("{model}", asked.model)
        url = f"{base}/v1/chat/completions"
        async with self._session.post(url, data=body, headers=self._headers) as answer:
            if not asked.stream:
                document = await answer.read()
                await _whole(send, answer.status, document)
                return _read_answer(document).usage
            await send(_start(answer.status, [(b"content-type", b"text/event-stream")]))
            usage: _Usage | None = None
            async for chunk in answer.content.iter_any():
                if (place := chunk.find(b'"usage":{')) >= 0:
                    frame = chunk[chunk.rfind(b"data: ", 0, place) + 6 : chunk.find(b"\n\n", place)]
                    usage = _read_answer(frame).usage
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return usage

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            rows, self._rows = self._rows, []
            if rows:
                await asyncio.to_thread(self._write, rows)

    def _write(self, rows: list[tuple[Any, ...]]) -> None:
        with sqlite3.connect(self._file) as connection:
            connection.execute("create table if not exists calls (at, seconds, model, status, prompt, completion)")
            connection.executemany("insert into calls values (?, ?, ?, ?, ?, ?)", rows)
        connection.close()


def _digest(credential: bytes) -> bytes:
    return hmac.digest(PEPPER, credential, hashlib.sha256)


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _whole(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send(_start(status, headers))
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    port, bases, key, asks, file = sys.argv[1:]
    application = Yardstick(json.loads(bases), key, asks, file)
    uvicorn.run(application, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)  # type: ignore[arg-type]
