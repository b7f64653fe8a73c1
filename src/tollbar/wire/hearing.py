"""What hears a provider's answer in one wire, and what passes that answer on in its own bytes while it is heard.

Every wire but OpenAI's chat, whose relay is made for speed, is relayed by `Passing` over the listener that translates:
the rules for cut, garbled and unfinished answers are then the same in both.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from tollbar.domain.errors import StreamBroken
from tollbar.domain.events import Frames, Said, StreamEvent, UsageSeen, is_content, output_bytes
from tollbar.domain.usage import Usage, merge
from tollbar.wire.splitting import Splitter

MAX_FRAME_BYTES = 16 * 1024 * 1024


class Listener(Protocol):
    """What reads a wire: bytes in, events out, the same whatever the chunks."""

    is_done: bool
    """Whether the provider has said that nothing more will come, every choice being finished."""

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """What one upstream read says; raises StreamBroken."""
        ...

    def end(self) -> Sequence[StreamEvent]:
        """What remains when the provider closed, a whole document's events; raises when the answer is not whole."""
        ...


class FrameHearing(ABC):
    """A listener to frames, or without a splitter to one document: when to read them, and when the answer is whole.

    What frames say is a wire's own affair: `_heard`, `_whole`, and `_check_complete` where `is_done` is not all.
    """

    def __init__(self, splitter: Splitter | None) -> None:
        self._splitter = splitter
        self._document: list[bytes] = []
        self.is_done = False
        """Whether the provider has said that nothing more will come."""
        self.place = 0
        """Which frame of its block was read last: that of the end, once it is done."""

    def feed(self, data: bytes) -> list[StreamEvent]:
        """What one upstream read says; raises StreamBroken."""
        if self._splitter is None:
            self._document.append(data)
            return []
        if self.is_done:
            return []  # what follows the end is not the answer's
        block = self._splitter.feed(data)
        events = list(self._heard(block)) if block else []
        if not self.is_done:
            check_size(self._splitter)
        return events

    def end(self) -> list[StreamEvent]:
        """What remains when the provider closed, a whole document's events; raises when the answer is not whole."""
        if self._splitter is None:
            return self._whole(b"".join(self._document))
        rest = self._splitter.finish()
        if self.is_done:
            return []
        last = list(self._heard(rest)) if rest.strip() else []
        self._check_complete()
        return last

    def _payloads(self, block: bytes) -> Iterator[bytes]:
        """The data of frames, one after the other, until what one says is the end."""
        for place, data in enumerate(self._splitter.payloads(block) if self._splitter is not None else ()):
            self.place = place
            if data is not None:
                yield data
            if self.is_done:
                return

    @abstractmethod
    def _heard(self, block: bytes) -> Iterable[StreamEvent]:
        """What whole frames say; raises StreamBroken."""

    @abstractmethod
    def _whole(self, raw: bytes) -> list[StreamEvent]:
        """What a document says; raises UpstreamFailed."""

    def _check_complete(self) -> None:
        """Raises StreamBroken when the provider closed before its answer was complete."""
        if not self.is_done:
            raise StreamBroken("The provider closed the stream before its answer was complete.", is_retryable=True)


class Passing:
    """One upstream answer on its way through: a stream cut by its splitter, or without one a document."""

    def __init__(self, listener: FrameHearing, splitter: Splitter | None) -> None:
        self._listener = listener
        self._splitter = splitter
        self._document: list[bytes] = []

    @property
    def is_done(self) -> bool:
        """Whether the provider has said that nothing more will come."""
        return self._listener.is_done

    @is_done.setter
    def is_done(self, value: bool) -> None:
        self._listener.is_done = value

    def feed(self, data: bytes) -> Frames | None:
        """The whole frames in one upstream read, None when there is none yet; raises StreamBroken."""
        if self._splitter is None:
            self._document.append(data)
            return None
        if self.is_done:
            return None  # what follows the end is not the answer's
        block = self._splitter.feed(data)
        events = self._listener.feed(block) if block else ()
        if self.is_done:  # what came in the same read is not the answer's either
            block = b"".join(self._splitter.frames(block)[: self._listener.place + 1])
        else:
            check_size(self._splitter)
        return frames_of(block, events, self.is_done) if block else None

    def end(self) -> Frames | None:
        """What remains when the provider closed, the document of a plain answer; raises when it is not whole."""
        if self._splitter is None:
            document = b"".join(self._document)
            events = [*self._listener.feed(document), *self._listener.end()]
            return frames_of(document, events, is_last=True)
        rest = self._splitter.finish()
        if self.is_done:
            return None
        events = [*(self._listener.feed(rest) if rest.strip() else ()), *self._listener.end()]
        return frames_of(rest, events, self.is_done) if rest.strip() else None


def check_size(splitter: Splitter) -> None:
    """Raises StreamBroken where the frame under way is larger than any may be."""
    if splitter.size > MAX_FRAME_BYTES:
        raise StreamBroken(f"The provider sent a frame of more than {MAX_FRAME_BYTES} bytes.")


def frames_of(raw: bytes, events: Sequence[StreamEvent], is_last: bool) -> Frames:
    """Bytes to pass on, with what their events say of content and usage."""
    usage: Usage | None = None
    size = 0
    for event in events:
        if isinstance(event, UsageSeen):
            usage = event.usage if usage is None else merge(usage, event.usage)
        elif isinstance(event, Said):
            size += output_bytes(event)
    return Frames(raw, any(map(is_content, events)), size, usage, is_last)
