"""What makes an endpoint format: how its requests are read, and how answers and errors are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import GatewayError
from tollbar.domain.events import StreamEvent


@dataclass(frozen=True, slots=True)
class Stamp:
    """What marks an answer that we write ourselves: the request's id, and when it was made (Unix seconds)."""

    request_id: str
    created: int


class StreamEncoder(Protocol):
    """Writes one streamed answer in a dialect, from events that no relay could pass through."""

    def encode(self, event: StreamEvent) -> bytes:
        """The bytes that tell of one event; empty when the dialect does not mention it."""
        ...

    def end(self) -> bytes:
        """The bytes that close a complete answer."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """One public format.

    `decode` raises `RequestError` with the path of the fault. `encode` folds the events of a complete answer into one
    document. `encode_error` gives the status and the body of a failure before the first byte, `encode_stream_error` the
    bytes of one after it. `comment` is what a stream may say to show that it is alive, empty where it may not.
    """

    wire: str
    decode: Callable[[bytes], CompletionRequest]
    encode: Callable[[CompletionRequest, Sequence[StreamEvent], Stamp], bytes]
    stream_encoder: Callable[[CompletionRequest, Stamp], StreamEncoder]
    encode_error: Callable[[GatewayError, str], tuple[int, bytes]]
    encode_stream_error: Callable[[GatewayError, str], bytes]
    stream_content_type: bytes = b"text/event-stream; charset=utf-8"
    comment: bytes = b": waiting\n\n"
