"""Conversations and answers of every kind that this wire has words for, in the form in which its codec gives them."""

from dataclasses import replace

from hypothesis import strategies as st

from tests.wire.openai_chat import talk
from tollbar.domain.conversation import Conversation, Sampling, Tool
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
from tollbar.domain.messages import Message, Role, ThinkingPart, ToolResultPart
from tollbar.domain.usage import Usage

thoughts = st.builds(lambda text, proof: ThinkingPart(text, proof, is_redacted=not text), talk.words, talk.said)
results = st.builds(
    lambda call_id, parts: Message(Role.TOOL, (ToolResultPart(call_id, tuple(parts)),)),
    talk.names,
    st.lists(st.one_of(talk.texts, talk.images), max_size=2),
)
turns = st.builds(
    lambda parts: Message(Role.ASSISTANT, tuple(parts)),
    st.lists(st.one_of(talk.texts, thoughts, talk.calls), max_size=4),
)
tools = st.builds(Tool, talk.names, st.one_of(st.none(), talk.words), st.one_of(st.none(), talk.schemas), st.booleans())


def _joined(messages: list[Message]) -> tuple[Message, ...]:
    """The messages with what the assistant says in a row as one turn."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role is message.role is Role.ASSISTANT:
            joined[-1] = replace(message, parts=(*joined[-1].parts, *message.parts))
        else:
            joined.append(message)
    return tuple(joined)


conversations = st.builds(
    Conversation,
    messages=st.lists(st.one_of(talk.messages, turns, results), max_size=5).map(_joined),
    tools=st.lists(tools, max_size=2).map(tuple),
    tool_choice=talk.conversations.map(lambda made: made.tool_choice),
    calls_in_parallel=talk.maybe,
    sampling=st.builds(Sampling, temperature=talk.numbers, top_p=talk.numbers),
    output=talk.outputs,
    effort=st.sampled_from([None, "low", "high"]),
)


@st.composite
def answers(draw: st.DrawFn) -> list[StreamEvent]:
    """What a complete answer says after its start: thoughts, words, calls, a report and its end."""
    events: list[StreamEvent] = []
    for _ in range(draw(st.integers(0, 4))):
        events += draw(st.sampled_from([_thought, _words, _refusal]))(draw)
    calls = draw(st.integers(0, 2))
    for index in range(calls):
        events.append(ToolCalled(index, draw(talk.names), draw(talk.names), 0, draw(st.sampled_from(["", "proof"]))))
    for _ in range(draw(st.integers(0, 4)) if calls else 0):
        events.append(ToolArguments(draw(st.integers(0, calls - 1)), draw(talk.said)))
    counts = draw(st.tuples(*[st.integers(1, 9)] * 5))
    usual = FinishReason.TOOL_CALLS if calls else FinishReason.STOP
    reason = draw(st.sampled_from([usual, FinishReason.LENGTH, FinishReason.CONTENT_FILTER]))
    return [*events, UsageSeen(Usage(*counts)), Finished(reason)]


def _thought(draw: st.DrawFn) -> list[StreamEvent]:
    told: list[StreamEvent] = [Thinking(draw(talk.said)) for _ in range(draw(st.integers(0, 2)))]
    return [*told, Thinking("", 0, draw(talk.said), is_redacted=not told)]


def _words(draw: st.DrawFn) -> list[StreamEvent]:
    return [Text(draw(talk.said)) for _ in range(draw(st.integers(1, 2)))]


def _refusal(draw: st.DrawFn) -> list[StreamEvent]:
    return [Refused(draw(talk.said))]
