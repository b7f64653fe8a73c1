"""Events make one answer, in the order in which its parts began."""

from tollbar.domain.events import (
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
from tollbar.domain.messages import RefusalPart, TextPart, ThinkingPart, ToolCallPart
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
