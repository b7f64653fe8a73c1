"""Errands' answers are heard as a whole."""

from tollbar.domain.errand import Embedding, Texts, Vectors
from tollbar.domain.events import Frames
from tollbar.domain.usage import Usage
from tollbar.providers.errands import passing, telling
from tollbar.wire.forwarded import told_in


def test_an_answer_goes_on_as_it_is() -> None:
    """With its type and its usage."""
    raw = b'{"usage":{"total_tokens":2}}'
    assert passing(told_in)(raw, "application/json") == Frames(raw, True, 0, Usage(2), True, "application/json")
    assert passing(told_in)(b"ID3", "audio/mpeg") == Frames(b"ID3", True, 0, None, True, "audio/mpeg")


def test_vectors_are_told_in_the_callers_words() -> None:
    """Whatever words they came in."""
    wanted = Embedding(lambda: Texts(("a",)), lambda vectors: repr(vectors.values).encode())
    hear = telling(wanted, lambda raw, count: Vectors("m", ((float(raw), float(count)),), Usage(3)), 1)
    assert hear(b"5", "application/json") == Frames(b"((5.0, 1.0),)", True, 0, Usage(3), True)
