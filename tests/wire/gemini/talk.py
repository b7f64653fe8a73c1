"""Conversations and answers as Google's dialect can hold them, as hypothesis makes them up."""

import json

from hypothesis import strategies as st

from tests.wire.openai_chat import talk
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
    AudioPart,
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
from tollbar.wire.gemini.wishes import SCHEMA_NAME

said, names, data = talk.said, talk.names, talk.data
links = talk.links
objects = st.dictionaries(names, st.one_of(st.integers(-9, 9), names, st.none()), max_size=2).map(
    lambda value: json.dumps(value, separators=(",", ":"))
)
texts = st.builds(TextPart, said)
images = st.builds(ImagePart, st.one_of(links, st.builds(Inline, st.sampled_from(["image/png", "image/jpeg"]), data)))
audio = st.builds(AudioPart, data, st.sampled_from(["wav", "mp3"]))
uploads = st.builds(Upload, names.map("https://generativelanguage.googleapis.com/v1beta/files/".__add__))
files = st.builds(FilePart, st.one_of(links, st.builds(Inline, st.just("application/pdf"), data), uploads))
thoughts = st.builds(ThinkingPart, said, st.one_of(st.none(), names))
calls = st.builds(ToolCallPart, names, names, objects, st.one_of(st.none(), names))
asked = st.lists(st.one_of(texts, images, audio, files), min_size=1, max_size=3)
spoken: st.SearchStrategy[list[Part]] = st.lists(st.one_of(texts, thoughts, calls), max_size=3)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """A conversation of turns: an instruction perhaps, then user, model and tools in any order."""
    messages: list[Message] = []
    if draw(st.booleans()):
        messages.append(Message(Role.SYSTEM, tuple(draw(st.lists(texts, min_size=1, max_size=2)))))
    for _ in range(draw(st.integers(0, 3))):
        messages.append(Message(Role.USER, tuple(draw(asked))))
        parts = draw(spoken)
        messages.append(Message(Role.ASSISTANT, tuple(parts)))
        called = [part.id for part in parts if isinstance(part, ToolCallPart)]
        if called:
            pictures = st.lists(st.builds(ImagePart, st.builds(Inline, st.just("image/png"), data)), max_size=1)
            results = [
                ToolResultPart(call_id, (draw(texts), *draw(pictures)), draw(st.booleans())) for call_id in called
            ]
            messages.append(Message(Role.TOOL, tuple(results)))
    effort = draw(st.sampled_from([None, "low", "high"]))
    return Conversation(
        messages=tuple(messages),
        tools=tuple(draw(st.lists(st.builds(Tool, names, st.one_of(st.none(), said), st.one_of(st.none(), objects))))),
        tool_choice=draw(talk.conversations).tool_choice,
        sampling=draw(samplings),
        output=draw(outputs),
        effort=effort,
        thinking_tokens=draw(st.sampled_from([None, 0, 4_000])) if effort is None else None,
    )


samplings = st.builds(
    lambda sampling, top_k: Sampling(
        **{name: getattr(sampling, name) for name in sampling.__slots__} | {"top_k": top_k}
    ),
    talk.sampling,
    st.one_of(st.none(), st.integers(1, 100)),
)
outputs = st.one_of(
    st.none(),
    st.builds(OutputFormat, st.sampled_from([Format.TEXT, Format.JSON])),
    st.builds(OutputFormat, st.just(Format.SCHEMA), st.just(SCHEMA_NAME), objects),
)


@st.composite
def answers(draw: st.DrawFn) -> list[StreamEvent]:
    """What a complete answer says after its start: some choices one after the other, then a report, then the ends."""
    events: list[StreamEvent] = []
    ends: list[StreamEvent] = []
    for choice in range(draw(st.integers(1, 3))):
        for _ in range(draw(st.integers(0, 3))):
            kind = draw(st.sampled_from([Text, Thinking]))
            events.append(kind(draw(said), choice))
        count = draw(st.integers(0, 2))
        for index in range(count):
            ends.append(ToolCalled(index, draw(names), draw(names), choice))
            ends.append(ToolArguments(index, draw(objects), choice))
        reasons = [FinishReason.TOOL_CALLS if count else FinishReason.STOP, FinishReason.LENGTH, "content_filter"]
        ends.append(Finished(FinishReason(draw(st.sampled_from(reasons))), choice))
    counts = draw(st.tuples(*[st.integers(1, 9)] * 6))
    prompt, thought = counts[0] + 10, counts[3]
    usage = Usage(prompt, counts[1] + thought, counts[2], 0, thought, counts[4], 0)
    return [*events, *ends, UsageSeen(usage)]
