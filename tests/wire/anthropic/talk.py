"""Conversations and answers of every kind that Anthropic's dialect can say, as hypothesis makes them up."""

import json

from hypothesis import strategies as st

from tests.wire.openai_chat.talk import REASONS, data, inline, links, names, said, schemas
from tollbar.domain.conversation import Calling, Conversation, Format, NamedTool, OutputFormat, Sampling, Tool
from tollbar.domain.events import (
    Finished,
    FinishReason,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.messages import (
    FilePart,
    ImagePart,
    Inline,
    Message,
    Part,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    Upload,
)
from tollbar.domain.usage import Usage
from tollbar.wire.anthropic.conversation import SCHEMA_NAME

texts = st.builds(TextPart, said)
images = st.builds(ImagePart, st.one_of(links, inline))
pdfs = st.builds(Inline, st.just("application/pdf"), data)
files = st.builds(FilePart, st.one_of(links, pdfs, st.builds(Upload, names)), st.one_of(st.none(), names))
results = st.builds(ToolResultPart, names, st.lists(st.one_of(texts, images), max_size=2).map(tuple), st.booleans())
objects = st.dictionaries(names, st.one_of(st.integers(-9, 9), said, st.none()), max_size=2).map(json.dumps)
calls = st.builds(ToolCallPart, names, names, objects)
thoughts = st.one_of(st.builds(ThinkingPart, said, said), st.builds(ThinkingPart, st.just(""), said, st.just(True)))
asked: st.SearchStrategy[tuple[Part, ...]] = st.lists(
    st.one_of(texts, images, files, results), min_size=1, max_size=3
).map(tuple)
answered: st.SearchStrategy[tuple[Part, ...]] = st.lists(st.one_of(texts, thoughts, calls), min_size=1, max_size=3).map(
    tuple
)
tools = st.builds(Tool, names, st.one_of(st.none(), said), st.one_of(schemas), st.sampled_from([None, True, False]))
outputs = st.one_of(
    st.none(), st.builds(OutputFormat, st.just(Format.SCHEMA), st.just(SCHEMA_NAME), schemas, is_strict=st.just(True))
)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """A system's words perhaps, then turns of a user and an assistant."""
    messages = [Message(Role.SYSTEM, tuple(draw(st.lists(texts, min_size=1, max_size=2))))] * draw(st.integers(0, 1))
    for number in range(draw(st.integers(0, 3))):
        is_user = number % 2 == 0
        messages.append(Message(Role.USER if is_user else Role.ASSISTANT, draw(asked if is_user else answered)))
    offered = tuple(draw(st.lists(tools, max_size=2)))
    choice = draw(st.one_of(st.none(), st.sampled_from(Calling), st.builds(NamedTool, names))) if offered else None
    may_say = choice not in (None, Calling.NONE)
    is_hot = draw(st.booleans())
    return Conversation(
        messages=tuple(messages),
        tools=offered,
        tool_choice=choice,
        calls_in_parallel=draw(st.sampled_from([None, True, False])) if may_say else None,
        sampling=Sampling(
            temperature=draw(st.floats(0, 1)) if is_hot else None,
            top_p=None if is_hot else draw(st.one_of(st.none(), st.floats(0, 1))),
            top_k=draw(st.one_of(st.none(), st.integers(1, 9))),
            stop=tuple(draw(st.lists(said, max_size=2))),
        ),
        output=draw(outputs),
    )


@st.composite
def answers(draw: st.DrawFn) -> list[StreamEvent]:
    """What a complete answer says: words and thoughts, then tools whose arguments come in turns, its end, a report."""
    events: list[StreamEvent] = [Started("msg_1", "m")]
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["text", "thought", "proof", "secret"]))
        match kind:
            case "text":
                events.append(Text(draw(said)))
            case "thought":
                events.append(Thinking(draw(said)))
            case "proof":
                events += [Thinking(draw(said)), Thinking("", signature=draw(said))]
            case _:
                events.append(Thinking("", signature=draw(said), is_redacted=True))
    begun = draw(st.integers(0, 3))
    turns: list[list[StreamEvent]] = []
    for index in range(begun):
        arguments = draw(objects)
        cut = draw(st.integers(0, len(arguments)))
        pieces = [piece for piece in (arguments[:cut], arguments[cut:]) if piece]
        turns.append([ToolCalled(index, f"c{index}", draw(names)), *(ToolArguments(index, one) for one in pieces)])
    told: list[StreamEvent] = [turn.pop(0) for turn in turns[:1]]
    opened = 1
    while any(turns):
        waiting = [turn for turn in turns[: opened + 1] if turn]
        place = draw(st.integers(0, len(waiting) - 1))
        if isinstance(waiting[place][0], ToolCalled):
            opened += 1
        told.append(waiting[place].pop(0))
    reason = draw(st.sampled_from(REASONS))
    if begun and reason is FinishReason.STOP:
        reason = FinishReason.TOOL_CALLS
    word = draw(st.one_of(st.none(), said)) if reason is FinishReason.STOP else None
    counts = draw(st.tuples(*[st.integers(1, 9)] * 5))
    usage = Usage(counts[0] + counts[1] + counts[2], counts[3], counts[1], counts[2], counts[4])
    return [*events, *told, UsageSeen(usage), Finished(reason, stop_sequence=word)]
