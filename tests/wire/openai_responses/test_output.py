"""Items begin, grow and end in the order in which a client can follow them."""

from tollbar.domain.events import Cited, Refused, StreamEvent, Text, Thinking, ToolArguments, ToolCalled
from tollbar.domain.messages import Citation
from tollbar.wire.openai_responses.output import Output, annotation


def kinds(*events: StreamEvent) -> list[str]:
    """The names of the steps, without their beginnings."""
    output = Output("abc")
    steps = [step for event in events for step in output.told(event)]
    return [step["type"].removeprefix("response.") for step in [*steps, *output.closed()]]


def test_words() -> None:
    """A message with one part."""
    assert kinds(Text("a"), Text("b")) == [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ]


def test_thoughts_end_before_words_begin() -> None:
    """As an item of their own, with one summary; a proof ends them."""
    begun = ["output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"]
    ended = ["reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"]
    assert kinds(Thinking("a"), Text("b"))[:7] == [*begun, *ended, "output_item.added"]
    assert kinds(Thinking("a"), Thinking("", 0, "proof"), Thinking("b")) == [*begun, *ended] * 2


def test_redacted_thoughts_are_an_item_without_words() -> None:
    """And no part of those before."""
    output = Output("abc")
    for event in (Thinking("a"), Thinking("", 0, "proof", is_redacted=True)):
        for _ in output.told(event):
            pass
    assert [(item["summary"] != [], item.get("encrypted_content")) for item in output.items.values()] == [
        (True, None),
        (False, "proof"),
    ]


def test_a_refusal_is_a_part_of_the_message() -> None:
    """Beside words that came before it."""
    assert kinds(Text("a"), Refused("No."))[3:8] == [
        "output_text.done",
        "content_part.done",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
    ]


def test_arguments_of_parallel_calls_may_take_turns() -> None:
    """Both stay open until the end; arguments of no call are nobody's."""
    output = Output("abc")
    events = [ToolCalled(0, "a", "f"), ToolCalled(1, "b", "g", 0, "proof")]
    events += [ToolArguments(1, "x"), ToolArguments(0, "y"), ToolArguments(1, "z"), ToolArguments(7, "?")]
    steps = [step for event in events for step in output.told(event)]
    assert [step["output_index"] for step in steps] == [0, 1, 1, 0, 1]
    for _ in output.closed("incomplete"):
        pass
    assert [(item["call_id"], item["arguments"], item["status"]) for item in output.items.values()] == [
        ("a", "y", "incomplete"),
        ("b", "xz", "incomplete"),
    ]
    assert output.items[1]["extra_content"] == {"google": {"thought_signature": "proof"}}


def test_citations_are_of_words() -> None:
    """They begin a message where there is none, and are not of a refusal."""
    assert "output_text.annotation.added" in kinds(Cited(Citation("https://example.org")))
    assert "output_text.annotation.added" not in kinds(Refused("No."), Cited(Citation("https://example.org")))
    assert annotation(Citation(title="A"), 7) == {
        "type": "url_citation",
        "url": "",
        "title": "A",
        "start_index": 0,
        "end_index": 7,
    }
