"""Conversations and answers that Ollama's wire can say, as hypothesis makes them up."""

import json
from collections.abc import Sequence

from hypothesis import strategies as st

from tests.wire.openai_chat.talk import data, names, numbers, said, schemas, words
from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Conversation, Format, OutputFormat, Sampling, Tool
from tollbar.domain.events import (
    Finished,
    FinishReason,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.messages import (
    ImagePart,
    Inline,
    Message,
    Part,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from tollbar.domain.usage import Usage

PNG, JPEG = "iVBORw0KGgo", "/9j/"
pictures = st.one_of(
    data.map(lambda rest: ImagePart(Inline("image/png", PNG + rest))),
    data.map(lambda rest: ImagePart(Inline("image/jpeg", JPEG + rest))),
)
shown = st.lists(pictures, max_size=2)
spoken = st.builds(TextPart, said)
arguments = st.dictionaries(names, st.one_of(words, st.integers(-9, 9), st.none()), max_size=2).map(
    lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
)


@st.composite
def _exchange(draw: st.DrawFn, start: int) -> list[Message]:
    """A question, the calls of tools that it leads to, and what they answer."""
    calls = [ToolCallPart(f"id_{start}_{n}", draw(names), draw(arguments)) for n in range(draw(st.integers(0, 2)))]
    thoughts = [ThinkingPart(draw(said))] if draw(st.booleans()) else []
    answer: list[Part] = [*thoughts, draw(spoken), *calls]
    results = [ToolResultPart(call.id, (draw(spoken), *draw(shown))) for call in calls]
    asked = Message(Role.USER, (draw(spoken), *draw(shown)))
    return [asked, Message(Role.ASSISTANT, tuple(answer)), *(Message(Role.TOOL, (result,)) for result in results)]


@st.composite
def _messages(draw: st.DrawFn) -> tuple[Message, ...]:
    system = [Message(Role.SYSTEM, (draw(spoken),))] if draw(st.booleans()) else []
    exchanges = [draw(_exchange(start)) for start in range(draw(st.integers(0, 2)))]
    return (*system, *(message for exchange in exchanges for message in exchange))


conversations = st.builds(
    Conversation,
    messages=_messages(),
    tools=st.lists(st.builds(Tool, names, st.one_of(st.none(), words), st.one_of(st.none(), schemas)), max_size=2).map(
        tuple
    ),
    sampling=st.builds(
        Sampling,
        temperature=numbers,
        top_p=numbers,
        top_k=st.one_of(st.none(), st.integers(1, 99)),
        frequency_penalty=numbers,
        presence_penalty=numbers,
        seed=st.one_of(st.none(), st.integers(-(2**53), 2**53)),
        stop=st.lists(said, max_size=3).map(tuple),
    ),
    output=st.one_of(
        st.none(),
        st.just(OutputFormat(Format.JSON)),
        st.builds(OutputFormat, st.just(Format.SCHEMA), st.just("answer"), schemas.filter(lambda text: text != "{}")),
    ),
    effort=st.sampled_from([None, "low", "medium", "high"]),
)


@st.composite
def answers(draw: st.DrawFn) -> list[StreamEvent]:
    """What a complete answer says after its start."""
    events: list[StreamEvent] = [Thinking(draw(said)) for _ in range(draw(st.integers(0, 2)))]
    events += [Text(draw(said)) for _ in range(draw(st.integers(0, 3)))]
    calls = draw(st.integers(0, 2))
    for index in range(calls):
        events += [ToolCalled(index, draw(names), draw(names)), ToolArguments(index, draw(arguments))]
    reasons = [FinishReason.TOOL_CALLS] if calls else [FinishReason.STOP, FinishReason.CONTENT_FILTER]
    counts = draw(st.tuples(st.integers(0, 9), st.integers(0, 9)))
    return [*events, UsageSeen(Usage(*counts)), Finished(draw(st.sampled_from([*reasons, FinishReason.LENGTH])))]


def a_request(conversation: Conversation, **fields: object) -> CompletionRequest:
    """A request of another dialect."""
    return CompletionRequest("asked", Source("other", b"", {}, lambda: conversation))._replace(**fields)  # type: ignore[arg-type]


def in_pieces(raw: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Bytes, cut at some places."""
    places = sorted(min(cut, len(raw)) for cut in cuts)
    return [raw[start:end] for start, end in zip([0, *places], [*places, len(raw)], strict=True)]
