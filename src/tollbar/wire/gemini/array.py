"""A stream as one JSON array, which is how Google streams where nobody asks for events.

The first item opens the array, each later one begins with its comma, and the end closes it; so a failure can be told as
the last item whatever was said before.
"""

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import Frames, StreamEvent
from tollbar.wire import sse
from tollbar.wire.dialect import Relayed, Stamp
from tollbar.wire.gemini.response import ChunkEncoder
from tollbar.wire.hearing import Passing
from tollbar.wire.writing import encoded

_FIRST, _NEXT, _END = b"[", b",\r\n", b"]"


class ArrayEncoder:
    """Writes a stream of answers as the items of an array."""

    def __init__(self, request: CompletionRequest, stamp: Stamp) -> None:
        self._chunks = ChunkEncoder(request, stamp)
        self._before = _FIRST

    @classmethod
    def resumed(cls, request: CompletionRequest, stamp: Stamp, relayed: Relayed) -> "ArrayEncoder":
        """Goes on where a relay stopped: the array is open."""
        encoder = cls(request, stamp)
        encoder._before = _NEXT
        return encoder

    def encode(self, event: StreamEvent) -> bytes:
        """The item that tells of one event; the first event of all has one in any case."""
        if isinstance(event, Frames):
            return event.raw
        told = self._chunks.chunk(event)
        if told is None and self._before is _FIRST:
            told = self._chunks.opening()
        return self._item(encoded(told)) if told is not None else b""

    def end(self) -> bytes:
        """The last item, and the end of the array."""
        return self._item(encoded(self._chunks.last())) + _END

    def _item(self, item: bytes) -> bytes:
        before, self._before = self._before, _NEXT
        return before + item


class ArrayPassing:
    """A provider's stream of events on its way to a caller who wants the same as an array."""

    def __init__(self, passing: Passing) -> None:
        self._passing = passing
        self._before = _FIRST

    @property
    def is_done(self) -> bool:
        """Whether the provider has said that nothing more will come."""
        return self._passing.is_done

    def feed(self, data: bytes) -> Frames | None:
        """The items in one upstream read, None when there is none yet; raises StreamBroken."""
        frames = self._passing.feed(data)
        return None if frames is None else frames._replace(raw=self._items(frames.raw))

    def end(self) -> Frames | None:
        """What remains when the provider closed, and the end of the array; raises when the answer is not whole."""
        frames = self._passing.end() or Frames(b"", is_content=False)
        return frames._replace(raw=self._items(frames.raw) + _END)

    def _items(self, block: bytes) -> bytes:
        pieces: list[bytes] = []
        for data in sse.payloads(block):
            if data is not None:
                pieces += (self._before, data)
                self._before = _NEXT
        return b"".join(pieces)
