"""Passes a provider's older completion on in its own bytes, and hears in it what the meter must know.

The rules are those of the chat relay: a cut, garbled or error-carrying answer raises, and the usage report that only
we asked for is taken out.
"""

from collections.abc import Iterator

from tollbar.domain.errors import StreamBroken, UpstreamFailed
from tollbar.domain.events import Finished, FinishReason, Frames, StreamEvent, Text, UsageSeen
from tollbar.domain.usage import Usage
from tollbar.wire import sse
from tollbar.wire.hearing import FrameHearing, Passing
from tollbar.wire.openai_chat import scan
from tollbar.wire.openai_responses.report import failure, number_in, object_in, objects_in, read, text_in

_DONE = b"[DONE]"


class Relay(Passing):
    """One upstream answer on its way through."""

    def __init__(self, stream: bool, hide_usage: bool) -> None:
        super().__init__(Hearing(stream), sse.Splitter() if stream else None)
        self._hides = stream and hide_usage

    def feed(self, data: bytes) -> Frames | None:
        """The whole frames in one upstream read, None when there is none yet; raises StreamBroken."""
        return self._shown(super().feed(data))

    def end(self) -> Frames | None:
        """What remains when the provider closed, the document of a plain answer; raises when it is not whole."""
        return self._shown(super().end())

    def _shown(self, frames: Frames | None) -> Frames | None:
        if frames is None or frames.usage is None or not self._hides:
            return frames
        kept = b"".join(frame for frame in sse.frames(frames.raw) if not _is_report(frame))
        return frames._replace(raw=kept)


class Hearing(FrameHearing):
    """One upstream answer as it is heard."""

    def __init__(self, stream: bool) -> None:
        super().__init__(sse.Splitter() if stream else None)
        self._seen: set[int] = set()
        self._finished: set[int] = set()

    def _heard(self, block: bytes) -> Iterator[StreamEvent]:
        for data in self._payloads(block):
            if data == _DONE:
                self._check_complete()
                self.is_done = True
                return
            yield from self._said(data)

    def _said(self, data: bytes) -> Iterator[StreamEvent]:
        frame = read(data)
        if object_in(frame, "error"):
            raise failure(frame)
        for choice in objects_in(frame, "choices"):
            index = number_in(choice, "index")
            self._seen.add(index)
            if text := text_in(choice, "text"):
                yield Text(text, index)
            if choice.get("finish_reason") is not None:
                self._finished.add(index)
                yield Finished(FinishReason.STOP, index)
        if (usage := _usage(data)) is not None:
            yield UsageSeen(usage)

    def _whole(self, raw: bytes) -> list[StreamEvent]:
        try:
            events = list(self._said(raw))
        except StreamBroken as fault:
            raise UpstreamFailed(fault.message, is_retryable=True) from None
        if not self._seen:
            raise UpstreamFailed("The provider's answer holds no choice.", is_retryable=True)
        return [*events, *(Finished(FinishReason.STOP, index) for index in sorted(self._seen - self._finished))]

    def _check_complete(self) -> None:
        if not self._seen or self._seen - self._finished:
            raise StreamBroken("The provider closed the stream before its answer was complete.", is_retryable=True)


def _usage(data: bytes) -> Usage | None:
    return scan.usage(scan.read(data))


def _is_report(frame: bytes) -> bool:
    """Whether a frame holds a usage report and nothing else."""
    return any(
        data not in (None, _DONE) and _usage(data) is not None and not objects_in(read(data), "choices")
        for data in sse.payloads(frame)
        if data
    )
