"""Passes a provider's answer on in its own bytes, reading only what metering needs.

Guarantees: every byte goes out as it came, but for one frame: the usage report that we asked for and the caller did
not (empty `choices` and a `usage`). A cut, garbled or error-carrying answer raises and is never passed on as complete.
Sans-I/O: bytes in, `Frames` out, the same whatever the chunks.
"""

from collections.abc import Sequence

from tollbar.domain.errors import StreamBroken, UpstreamFailed
from tollbar.domain.events import Frames
from tollbar.domain.usage import Usage, merge
from tollbar.wire import sse
from tollbar.wire.hearing import check_size
from tollbar.wire.openai_chat import scan
from tollbar.wire.openai_chat.likeness import Likeness

_DONE = b"[DONE]"
_END = b"data: [DONE]\n\n"


class Relay:
    """One upstream answer on its way through."""

    def __init__(self, stream: bool, hide_usage: bool) -> None:
        self._hide_usage = hide_usage
        self._splitter = sse.Splitter() if stream else None
        self._document: list[bytes] = []
        self._likeness = Likeness()
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self.is_done = False
        """Whether the provider has said that nothing more will come."""

    def feed(self, data: bytes) -> Frames | None:
        """The whole frames in one upstream read, None when there is none yet; raises StreamBroken."""
        if self._splitter is None:
            self._document.append(data)
            return None
        if self.is_done:
            return None  # what follows the end mark is not the answer's
        if not self._splitter.size:
            size = self._likeness.words_in(data) if 0 in self._seen else None
            if size is None:
                size = self._glanced(data)
            if size is not None:
                return Frames(data, size > 0 or bool(self._finished), size)
        block = self._splitter.feed(data)
        frames = self._relayed(block) if block else None
        if not self.is_done:
            check_size(self._splitter)
        return frames

    def end(self) -> Frames | None:
        """What remains when the provider closed, the document of a plain answer; raises when it is not whole."""
        if self._splitter is None:
            return self._whole(b"".join(self._document))
        rest = self._splitter.finish()
        if self.is_done:
            return None
        last = self._relayed(rest) if rest.strip() else None  # some providers leave out the last blank line
        self._check_complete()
        return last

    def _relayed(self, block: bytes) -> Frames | None:
        content = block.removesuffix(_END)
        is_done = len(content) < len(block)
        skimmed = self._skim(content)
        last = None
        if skimmed is not None:
            said, last = skimmed[0], skimmed[1] - 1
        else:
            block, said, is_done = _read_each(block)
        self._seen |= said.indexes
        if said.finished:
            self._finished.update(said.finished)
        if is_done:
            self._check_complete()
            self.is_done = True
        usage: Usage | None = None
        for _, report, _ in said.reports:
            usage = report if usage is None else merge(usage, report)
        if self._hide_usage and said.reports:
            hidden = [place for place, _, is_alone in said.reports if is_alone]
            block = _without_last(content) + block[len(content) :] if hidden == [last] else _without(block, hidden)
        is_content = bool(said.indexes) and (said.output_bytes > 0 or bool(self._finished))
        return Frames(block, is_content, said.output_bytes, usage, is_done) if block or usage else None

    def _glanced(self, data: bytes) -> int | None:
        """The bytes of content in one frame of words, which is how a paced stream comes; None of anything else."""
        if not sse.is_one_plain_frame(data):
            return None
        told = scan.glance(data[6:-2])
        if told is None or told[0] not in self._seen:
            return None
        self._likeness.learn(data[:-2])
        return told[1]

    def _skim(self, content: bytes) -> tuple[scan.Skimmed, int] | None:
        """What plain frames say, and how many they are; None when one of them is not plain."""
        run = self._likeness.run_in(content)
        if run is None:
            joined = sse.joined(content)
            said = scan.skim(*joined) if joined is not None else None
            return None if joined is None or said is None else (said, joined[1])
        said, count = scan.Skimmed({0}, (), run.output_bytes, ()), run.count
        for piece, is_before in ((content[: run.start], True), (content[run.end :], False)):
            joined = sse.joined(piece) if piece else None
            rest = scan.skim(*joined) if joined is not None else None
            if joined is not None and rest is not None:
                said = scan.together(rest, joined[1], said) if is_before else scan.together(said, count, rest)
                count += joined[1]
            elif piece:
                return None
        return said, count

    def _note(self, choices: Sequence[scan.Choice]) -> int:
        size = 0
        for choice in choices:
            self._seen.add(choice.index)
            if choice.finish_reason is not None:
                self._finished.add(choice.index)
            size += scan.output_bytes(choice)
        return size

    def _check_complete(self) -> None:
        if not self._seen or self._seen - self._finished:
            raise StreamBroken("The provider closed the stream before its answer was complete.", is_retryable=True)

    def _whole(self, document: bytes) -> Frames:
        try:
            frame = scan.read(document)
        except StreamBroken as fault:
            raise UpstreamFailed(fault.message, is_retryable=True) from None
        if not frame.choices:
            raise UpstreamFailed("The provider's answer holds no choice.", is_retryable=True)
        return Frames(document, True, self._note(frame.choices), scan.usage(frame), True)


def _read_each(block: bytes) -> tuple[bytes, scan.Skimmed, bool]:
    """A block up to the end mark, what its frames say, and whether the mark is in it; raises StreamBroken."""
    payloads = sse.payloads(block)
    if _DONE not in payloads:
        return block, scan.skim_each(payloads), False
    end = payloads.index(_DONE)
    if end + 1 < len(payloads):
        block = b"".join(sse.frames(block)[: end + 1])
    return block, scan.skim_each(payloads[:end]), True


def _without(block: bytes, hidden: Sequence[int]) -> bytes:
    return b"".join(frame for position, frame in enumerate(sse.frames(block)) if position not in hidden)


def _without_last(content: bytes) -> bytes:
    """Frames of one line each, less the last of them: where providers put the report that we asked for."""
    last = content.rfind(b"\n\n", 0, -2)
    return content[: last + 2] if last >= 0 else b""
