"""What makes an endpoint format: how its requests are read, and how answers and errors are written."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import GatewayError
from tollbar.domain.events import StreamEvent
from tollbar.domain.limits import Room
from tollbar.wire import sse


class Incoming(NamedTuple):
    """A request as it came in: all that a dialect may read of it.

    `query` is what followed the `?`, still encoded; `name` is what the path held in the place of its parameter,
    decoded; header names are in lower case.
    """

    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()
    query: bytes = b""
    name: str = ""
    method: str = "POST"


def _unmeasured() -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """What marks an answer that we write ourselves: the request's id, and when it was made (Unix seconds).

    `elapsed` tells how many seconds have gone by since the request came.
    """

    request_id: str
    created: int
    elapsed: Callable[[], float] = _unmeasured


class StreamEncoder(Protocol):
    """Writes one streamed answer in a dialect, from events that no relay could pass through."""

    def encode(self, event: StreamEvent) -> bytes:
        """The bytes that tell of one event; empty when the dialect does not mention it."""
        ...

    def end(self) -> bytes:
        """The bytes that close a complete answer."""
        ...


@dataclass(frozen=True, slots=True)
class Relayed:
    """What is known of a stream that was passed on so far: how its first bytes begin, and the last ones that went."""

    first: bytes
    last: bytes

    @property
    def event(self) -> Mapping[str, Any]:
        """The last event that was passed on; empty where there was none."""
        for data in reversed(sse.payloads(self.last)):
            try:
                told = json.loads(data or b"")
            except (ValueError, RecursionError):
                continue
            if isinstance(told, dict):
                return told
        return {}


MoreHeaders = Callable[[str, Sequence[Room], datetime], list[tuple[bytes, bytes]]]
"""The headers that a dialect's clients look for beside ours: of a request's id, how limits stand, and the moment."""


def own_status(error: GatewayError) -> int:
    """The status of an error in the dialects that keep to its own."""
    return error.status


@dataclass(frozen=True, slots=True)
class Dialect:
    """One public format.

    `decode` raises `RequestError` with the path of the fault. `encode` folds the events of a complete answer into one
    document. `encode_error` gives the status and the body of a failure before the first byte, `encode_stream_error` the
    bytes of one after it; without the latter the connection is cut, which is all that a stream of mere text can say.
    `status_of` is the status that `encode_error` would give. `comment` is what a stream may say to show that it is
    alive, empty where it may not. `variant`, where there is one, is asked before `decode` which form of the dialect a
    request's headers want. `more_headers` go with every answer. Where `encode_count` is set, the tokens of the request
    are counted and told by it; no model answers. `resumed` makes an encoder that goes on where a relay stopped; without
    it one that begins anew does. `encode_next_error` stands in for `encode_stream_error` where what is said is
    numbered: it is given the last that was. `is_kept` says that a later request can go on from an answer.
    """

    wire: str
    decode: Callable[[Incoming], CompletionRequest]
    encode: Callable[[CompletionRequest, Sequence[StreamEvent], Stamp], bytes]
    stream_encoder: Callable[[CompletionRequest, Stamp], StreamEncoder]
    encode_error: Callable[[GatewayError, str], tuple[int, bytes]]
    encode_stream_error: Callable[[GatewayError, str], bytes] | None
    status_of: Callable[[GatewayError], int] = own_status
    variant: Callable[[Incoming], "Dialect"] | None = None
    stream_content_type: bytes = b"text/event-stream; charset=utf-8"
    comment: bytes = b": waiting\n\n"
    more_headers: MoreHeaders | None = None
    encode_count: Callable[[int], bytes] | None = None
    resumed: Callable[[CompletionRequest, Stamp, Relayed], StreamEncoder] | None = None
    encode_next_error: Callable[[GatewayError, str, bytes], bytes] | None = None
    is_kept: bool = False

    def broken(self, error: GatewayError, request_id: str, said: bytes) -> bytes:
        """What tells of a failure in a stream, after what was said last; nothing where there are no words for it."""
        if self.encode_next_error is not None:
            return self.encode_next_error(error, request_id, said)
        return self.encode_stream_error(error, request_id) if self.encode_stream_error is not None else b""
