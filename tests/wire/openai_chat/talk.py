"""Conversations and answers of every kind, as hypothesis makes them up, in the form in which a codec gives them."""

import json

from hypothesis import strategies as st

from tollbar.domain.conversation import (
    Calling,
    Conversation,
    Format,
    NamedTool,
    OutputFormat,
    Sampling,
    Tool,
)
from tollbar.domain.events import (
    Finished,
    FinishReason,
    Refused,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.messages import (
    AudioPart,
    FilePart,
    ImagePart,
    Inline,
    Link,
    Message,
    Part,
    RefusalPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Upload,
)
from tollbar.domain.usage import Usage

REASONS = [reason for reason in FinishReason if reason is not FinishReason.CANCELLED]
"""Why a provider says that an answer ended."""

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
said = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
names = st.text("abcdefgh_", min_size=1, max_size=6)
data = st.text("ABCDabcd0123+/", max_size=8)
schemas = st.dictionaries(names, st.one_of(st.integers(-9, 9), words, st.none()), max_size=2).map(json.dumps)
links = st.builds(Link, names.map("https://example.org/".__add__))
inline = st.builds(Inline, st.sampled_from(["image/png", "application/pdf"]), data)

texts = st.builds(TextPart, words)
images = st.builds(ImagePart, st.one_of(links, inline), st.sampled_from([None, "low", "high"]))
audio = st.builds(AudioPart, data, st.sampled_from(["wav", "mp3"]))
files = st.one_of(
    st.builds(FilePart, st.one_of(links, st.builds(Upload, names)), st.one_of(st.none(), names)),
    st.builds(FilePart, inline, names),
)
calls = st.builds(ToolCallPart, names, names, words, st.one_of(st.none(), said))
asked: st.SearchStrategy[list[Part]] = st.lists(st.one_of(texts, images, audio, files), max_size=3)
answered: st.SearchStrategy[list[Part]] = st.lists(st.one_of(texts, st.builds(RefusalPart, said)), max_size=2)
results = st.builds(ToolResultPart, names, st.lists(texts, min_size=1, max_size=2).map(tuple))

messages = st.one_of(
    st.builds(Message, st.sampled_from([Role.SYSTEM, Role.USER]), asked.map(tuple)),
    st.builds(
        lambda spoken, called: Message(Role.ASSISTANT, (*spoken, *called)), answered, st.lists(calls, max_size=2)
    ),
    st.builds(lambda result: Message(Role.TOOL, (result,)), results),
)
numbers = st.one_of(st.none(), st.floats(-2, 2))
sampling = st.builds(
    Sampling,
    temperature=numbers,
    top_p=numbers,
    frequency_penalty=numbers,
    presence_penalty=numbers,
    seed=st.one_of(st.none(), st.integers(-(2**53), 2**53)),
    stop=st.lists(said, max_size=3).map(tuple),
)
maybe = st.sampled_from([None, True, False])
tools = st.builds(Tool, names, st.one_of(st.none(), words), st.one_of(st.none(), schemas), maybe)
outputs = st.one_of(
    st.none(),
    st.builds(OutputFormat, st.sampled_from([Format.TEXT, Format.JSON])),
    st.builds(OutputFormat, st.just(Format.SCHEMA), names, schemas, st.one_of(st.none(), words), maybe),
)
conversations = st.builds(
    Conversation,
    messages=st.lists(messages, max_size=4).map(tuple),
    tools=st.lists(tools, max_size=2).map(tuple),
    tool_choice=st.one_of(st.none(), st.sampled_from(Calling), st.builds(NamedTool, names)),
    calls_in_parallel=maybe,
    sampling=sampling,
    output=outputs,
    effort=st.sampled_from([None, "low", "high"]),
)


@st.composite
def answers(draw: st.DrawFn) -> list[StreamEvent]:
    """What a complete answer says after its start: some choices, told in turns, each with its end, then a report."""
    told: list[list[StreamEvent]] = [_choice(draw, choice) for choice in range(draw(st.integers(1, 3)))]
    events: list[StreamEvent] = []
    while any(told):
        waiting = [choice for choice in told if choice]
        events.append(waiting[draw(st.integers(0, len(waiting) - 1))].pop(0))
    counts = draw(st.tuples(*[st.integers(1, 9)] * 4))
    return [*events, UsageSeen(Usage(*counts[:3], reasoning_tokens=counts[3]))]


def _choice(draw: st.DrawFn, choice: int) -> list[StreamEvent]:
    kinds = (Text, Thinking, Refused)
    events: list[StreamEvent] = [
        draw(st.sampled_from(kinds))(draw(said), choice) for _ in range(draw(st.integers(0, 3)))
    ]
    for index in range(draw(st.integers(0, 2))):
        events.append(ToolCalled(index, draw(names), draw(names), choice, draw(st.sampled_from(["", "proof"]))))
        events += [ToolArguments(index, draw(said), choice) for _ in range(draw(st.integers(0, 2)))]
    return [*events, Finished(draw(st.sampled_from(REASONS)), choice)]
