"""Errands as calls under way: an answer that is read to its end, and passed on or told in the caller's words."""

from collections.abc import Callable

from tollbar.domain.errand import Embedding, Vectors
from tollbar.domain.events import Frames, StreamEvent
from tollbar.providers.translated import Translated
from tollbar.providers.transport import Answer
from tollbar.wire.forwarded import Told

Hear = Callable[[bytes, str], Frames]
"""What an answer says, by its bytes and its content type."""


def carried(answer: Answer, hear: Hear, dropped: tuple[str, ...] = ()) -> Translated:
    """An errand's call, whose answer is heard as a whole; `dropped` is what its request lost."""
    return Translated(answer, _Whole(answer, hear), False, dropped)


def passing(tell: Callable[[bytes, str], Told]) -> Hear:
    """Hears an answer that goes on as it is."""

    def hear(raw: bytes, content_type: str) -> Frames:
        told = tell(raw, content_type)
        return Frames(raw, True, 0, told.usage, True, told.content_type)

    return hear


def telling(embedding: Embedding, read: Callable[[bytes, int], Vectors], count: int) -> Hear:
    """Hears vectors, one for each of so many texts, and tells them as the caller's dialect does."""

    def hear(raw: bytes, content_type: str) -> Frames:
        vectors = read(raw, count)
        return Frames(embedding.written(vectors), True, 0, vectors.usage, True)

    return hear


class _Whole:
    """A listener that waits for all of an answer."""

    def __init__(self, answer: Answer, hear: Hear) -> None:
        self._answer = answer
        self._hear = hear
        self._pieces: list[bytes] = []
        self.is_done = False

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Nothing yet."""
        self._pieces.append(data)
        return []

    def end(self) -> list[StreamEvent]:
        """The answer; raises UpstreamFailed where it is none."""
        return [self._hear(b"".join(self._pieces), self._answer.content_type)]
