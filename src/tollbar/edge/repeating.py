"""The header `Idempotency-Key`: which call it names, and what that call was answered, as it goes out."""

import hashlib
from collections.abc import MutableMapping, Sequence

from tollbar.domain.errors import InvalidValue
from tollbar.domain.repeats import KeptAnswer, Repeatable
from tollbar.edge.line import Headers, Message, Send
from tollbar.gateway.repeats import Settle, Turn
from tollbar.gateway.visit import Visit

HEADER = b"idempotency-key"
MOST_CHARACTERS = 255
REPLAYED = b"x-tollbar-replayed"
"""Tells which call an answer is of, where it was kept."""
KEPT_HEADERS = frozenset(
    (b"content-type", b"cache-control", b"x-accel-buffering", b"x-tollbar-target", b"x-tollbar-dropped")
)
"""Headers that belong to the answer; all others tell of the one request that they were sent to."""


def name_in(headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """The value of the header, None without one; raises InvalidValue for one that is no name, or for two."""
    found = [value for name, value in headers if name == HEADER]
    if not found:
        return None
    name = found[0].strip()
    if len(found) > 1 or not 0 < len(name) <= MOST_CHARACTERS or not name.isascii() or not name.decode().isprintable():
        raise InvalidValue(
            f"An Idempotency-Key is one header of 1 to {MOST_CHARACTERS} printable ASCII characters.",
            hint="A fresh UUID for each new request is usual.",
            field=HEADER.decode(),
        )
    return name


def repeatable(scope: MutableMapping[str, object], caller: str, name: bytes, body: bytes) -> Repeatable:
    """The call of that name: the same one has the same method, address and body."""
    digest = hashlib.sha256()
    for part in (str(scope["method"]).encode(), str(scope["path"]).encode(), scope["query_string"], body):
        digest.update(b"%d:%b" % (len(part), part))  # type: ignore[arg-type]
    return Repeatable(caller, hashlib.sha256(name).digest(), digest.digest(), str(scope["tollbar.request_id"]))


def head_of(kept: KeptAnswer) -> Headers:
    """The headers of an answer that was kept."""
    head = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept.head]
    return [*head, (REPLAYED, kept.request_id.encode())]


class Tape:
    """An ASGI `send` that keeps what goes out.

    Once the answer is whole it holds back what is left of it, until that was settled and kept in one go. `has_begun`
    says whether anything has gone out.
    """

    def __init__(self, send: Send, turn: Turn, visit: Visit) -> None:
        self._send = send
        self._turn = turn
        self._visit = visit
        self._held: list[Message] = []
        self.has_begun = False
        self._pieces: list[bytes] = []
        self._size = 0
        self._status = 0
        self._head: list[tuple[str, str]] = []

    async def __call__(self, message: Message) -> None:
        """Takes the next message."""
        if message["type"] == "http.response.start":
            self._status = int(str(message["status"]))
            headers: Headers = message["headers"]  # type: ignore[assignment]
            kept = [header for header in headers if header[0] in KEPT_HEADERS]
            self._head = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in kept]
        else:
            self._note(bytes(message["body"]))  # type: ignore[arg-type]
        if self._visit.finish is None:
            self.has_begun = True
            await self._send(message)
            return
        self._held.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            await self._settle(self._visit.finish)
            self.has_begun = True
            for held in self._held:
                await self._send(held)

    def _note(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._turn.most_bytes:
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    async def _settle(self, settle: Settle) -> None:
        if self._size <= self._turn.most_bytes and 200 <= self._status < 300:
            await self._turn.keep(self._status, self._head, b"".join(self._pieces), settle)
        else:
            await settle(None)
