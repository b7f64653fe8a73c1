"""What the frames of one stream have in common: all but the words, nearly always.

A provider writes the same id, model and time around each piece of text. Who has read one such frame need not read the
next: it is the same bytes around another JSON string, and the strings of a whole run of frames are read at once. A
frame that differs in anything else (an end, a report, a tool call, padding) is no part of a run, and is read as ever.
"""

import re
from itertools import repeat
from typing import NamedTuple

import msgspec

from tollbar.wire.openai_chat import scan

_WORDS = re.compile(rb'"content": ?"((?:[^"\\]++|\\.)*+)"')
_STRING = msgspec.json.Decoder(str).decode
_STRINGS = msgspec.json.Decoder(list[str]).decode
_START = len(b"data: ")
_FEW = 4
"""Frames that are read one and all sooner than as a run."""
_MOST_TRIES = 4
"""Frames that are looked at before a stream is taken for one whose frames have nothing in common."""


class Run(NamedTuple):
    """Frames of mere words: where they lie in a block, how many they are, and how many bytes of content they hold."""

    start: int
    end: int
    count: int
    output_bytes: int


class Likeness:
    """What is known of one stream's frames: nothing at first, then the bytes before and after the words of choice 0."""

    __slots__ = ("_after", "_before", "_ending", "_tries")

    def __init__(self) -> None:
        self._tries = _MOST_TRIES
        self._before = self._after = self._ending = b""

    def words_in(self, frame: bytes) -> int | None:
        """How many bytes of content a frame holds that is like the others; None of any other bytes."""
        before, ending = self._before, self._ending
        if not before or not frame.startswith(before) or not frame.endswith(ending):
            return None
        end = len(frame) - len(ending)
        if end < len(before):
            return None
        try:
            return scan.size_of(_STRING(b'"%b"' % frame[len(before) : end]))
        except (msgspec.DecodeError, UnicodeError):
            return None

    def run_in(self, block: bytes) -> Run | None:
        """The run of like frames in a block of whole ones, from its first or second frame on; None where there is none.

        Where neither is like those before, the second is what the next ones are compared with.
        """
        frames = block.split(b"\n\n")
        if frames.pop() or len(frames) < _FEW:
            return None
        first = next((place for place in (0, 1) if place < len(frames) and self._is_like(frames[place])), None)
        if first is None:
            first = 1
            if not self.learn(frames[first]):
                return None
        last = len(frames)
        while last > first and not self._is_like(frames[last - 1]):
            last -= 1
        size = self._size(frames[first:last])
        if size is None:
            return None
        start, rest = sum(map(len, frames[:first])) + 2 * first, frames[last:]
        return Run(start, len(block) - sum(map(len, rest)) - 2 * len(rest), last - first, size)

    def learn(self, frame: bytes) -> bool:
        """Takes a frame, without the blank line that ends it, for the pattern; says whether it can be one.

        It can if it holds words and nothing else. A stream whose frames have nothing in common is soon given up.
        """
        if not self._tries:
            return False
        self._tries -= 1
        found = _WORDS.search(frame)
        if found is None or not frame.startswith(b"data: ") or b"\n" in frame:
            return False
        before, after = frame[: found.start(1)], frame[found.end(1) :]
        if scan.glance(b"%bx%b" % (before[_START:], after)) != (0, 1):
            return False
        self._before, self._after, self._ending = before, after, after + b"\n\n"
        return True

    def _is_like(self, frame: bytes) -> bool:
        return bool(self._before) and frame.startswith(self._before) and frame.endswith(self._after)

    def _size(self, frames: list[bytes]) -> int | None:
        """The bytes of content in frames; None unless each is the pattern around one JSON string."""
        cut = map(bytes.removeprefix, frames, repeat(self._before))
        texts = list(map(bytes.removesuffix, cut, repeat(self._after)))
        around = (len(self._before) + len(self._after)) * len(frames)
        if sum(map(len, frames)) - sum(map(len, texts)) != around:
            return None
        try:
            words = _STRINGS(b'["%b"]' % b'","'.join(texts))
        except (msgspec.DecodeError, UnicodeError):
            return None
        return scan.size_of("".join(words)) if len(words) == len(texts) else None
