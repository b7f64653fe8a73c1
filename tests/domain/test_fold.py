"""Events make one answer, in the order in which its parts began."""

from tollbar.domain.events import (
    Cited,
    Dropped,
    Finished,
    FinishReason,
    Frames,
    Refused,
    Started,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.fold import Answer, Completion, fold
from tollbar.domain.messages import Citation, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from tollbar.domain.usage import Usage


def test_nothing_is_an_empty_answer() -> None:
    """Without events there is nobody who said anything."""
    assert fold(()) == Completion("", "", (), Usage())
    assert fold((Frames(b"x", True),)).answers == ()


def test_pieces_of_one_kind_make_one_part() -> None:
    """Until another kind comes; usage is merged, the start is kept."""
    events = (
        Started("id", "model"),
        UsageSeen(Usage(3)),
        Thinking("H"),
        Thinking("m."),
        Text("a"),
        Text("b"),
        Refused("no"),
        Text("c"),
        Finished(FinishReason.STOP),
        UsageSeen(Usage(0, 2)),
    )
    parts = (ThinkingPart("Hm."), TextPart("ab"), RefusalPart("no"), TextPart("c"))
    assert fold(events) == Completion("id", "model", (Answer(0, parts, FinishReason.STOP),), Usage(3, 2))
    assert fold(events).answers[0].text == "abc"


def test_a_signature_ends_a_thought() -> None:
    """Each thought keeps its own proof."""
    events = (Thinking("a"), Thinking("", 0, "one"), Thinking("b", 0, "two"))
    assert fold(events).answers[0].parts == (ThinkingPart("a", "one"), ThinkingPart("b", "two"))


def test_calls_in_parallel_are_told_apart() -> None:
    """By their index, whatever the order of the pieces; a piece of no call is passed over."""
    events = (
        ToolCalled(0, "x", "f"),
        ToolCalled(1, "y", "g"),
        ToolArguments(1, "2"),
        ToolArguments(0, "1"),
        ToolArguments(7, "lost"),
    )
    assert fold(events).answers == (Answer(0, (ToolCallPart("x", "f", "1"), ToolCallPart("y", "g", "2")), None),)


def test_choices_are_in_order_of_their_index() -> None:
    """However they were told."""
    events = (Text("b", 1), Text("a", 0), Finished(FinishReason.LENGTH, 1))
    assert [(answer.index, answer.text, answer.reason) for answer in fold(events).answers] == [
        (0, "a", None),
        (1, "b", FinishReason.LENGTH),
    ]


def test_a_citation_stays_with_the_words_that_rest_on_it() -> None:
    """One that comes before any words makes room for itself; later words are another part's only after another kind."""
    one, two = Citation("https://a"), Citation(title="b")
    events = (Cited(one), Text("a"), Thinking("Hm."), Text("b"), Cited(two), Cited(one))
    parts = (TextPart("a", (one,)), ThinkingPart("Hm."), TextPart("b", (two, one)))
    assert fold(events).answers[0].parts == parts


def test_what_was_dropped_is_no_part_of_an_answer() -> None:
    """It is the request's affair."""
    assert fold((Dropped(("top_k",)),)).answers == ()


def test_proofs_and_the_word_that_ended_it_are_kept() -> None:
    """Redacted thoughts have a signature alone; a call may prove the thoughts behind it."""
    events = (
        Thinking("", 0, "sealed", is_redacted=True),
        ToolCalled(0, "c", "f", 0, "proof"),
        Finished(FinishReason.STOP, 0, "END"),
    )
    answer = fold(events).answers[0]
    assert answer.parts == (ThinkingPart("", "sealed", is_redacted=True), ToolCallPart("c", "f", "", "proof"))
    assert answer.stop_sequence == "END"


def test_redacted_thoughts_are_a_part_by_themselves() -> None:
    """Also where those before them had no proof."""
    (answer,) = fold([Thinking("Hm."), Thinking("", signature="x", is_redacted=True), Thinking("So.")]).answers
    assert answer.parts == (ThinkingPart("Hm."), ThinkingPart("", "x", is_redacted=True), ThinkingPart("So."))
