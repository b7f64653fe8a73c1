"""The guide as a provider."""

import math
from collections.abc import Sequence

import pytest

from tollbar.domain.catalogue import Call, Target
from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Conversation
from tollbar.domain.errors import InvalidType
from tollbar.domain.events import Finished, FinishReason, Started, StreamEvent, Text, UsageSeen
from tollbar.domain.messages import Message, OtherPart, Role, TextPart
from tollbar.domain.usage import Usage
from tollbar.providers.guide import GuideProvider
from tollbar.providers.guide.answer import INTRODUCTION, STRANGE
from tollbar.providers.guide.index import GuideIndex
from tollbar.providers.guide.provider import count_tokens

QUESTION = "How do I rotate a key?"


def said(*turns: tuple[Role, str]) -> Conversation:
    """A conversation of texts."""
    return Conversation(tuple(Message(role, (TextPart(text),)) for role, text in turns))


def call(conversation: Conversation, *, max_tokens: int | None = None, choices: int = 1) -> Call:
    """A call with that conversation."""
    source = Source("openai_chat", b"{}", {}, lambda: conversation)
    request = CompletionRequest("tollbar-guide", source, max_tokens=max_tokens, choices=choices)
    return Call(request, Target("tollbar", "tollbar-guide"), math.inf, "req_1")


async def events_of(provider: GuideProvider, call: Call) -> list[StreamEvent]:
    """Everything that the provider says."""
    async with provider.open(call) as events:
        return [event async for event in events]


def text_of(events: Sequence[StreamEvent], choice: int = 0) -> str:
    """The text of one choice."""
    return "".join(event.text for event in events if isinstance(event, Text) and event.choice == choice)


@pytest.fixture
def provider(index: GuideIndex) -> GuideProvider:
    """A provider over the packaged index."""
    return GuideProvider(lambda: index)


@pytest.mark.anyio
async def test_an_answer_is_told_in_order(provider: GuideProvider) -> None:
    """Started, the text in small pieces, the usage, the end."""
    started, *texts, usage, finished = await events_of(provider, call(said((Role.USER, QUESTION))))
    assert (Started("req_1", "tollbar-guide"), Finished(FinishReason.STOP)) == (started, finished)
    assert len(texts) > 10
    assert all(isinstance(text, Text) and len(text.text.split()) <= 4 for text in texts)
    answer = text_of(texts)
    assert "tollbar keys rotate" in answer
    assert UsageSeen(Usage(count_tokens(QUESTION), count_tokens(answer))) == usage


@pytest.mark.anyio
async def test_the_last_message_of_the_user_is_answered(provider: GuideProvider) -> None:
    """Earlier questions and the system's words are not; what follows an answer has no introduction."""
    conversation = said(
        (Role.SYSTEM, "Talk like a pirate."),
        (Role.USER, "What is nginx for?"),
        (Role.ASSISTANT, "…"),
        (Role.USER, QUESTION),
        (Role.TOOL, "What is a stream?"),
    )
    answer = text_of(await events_of(provider, call(conversation)))
    assert answer.startswith("**Rotate a key**")


@pytest.mark.anyio
async def test_the_first_answer_introduces_the_guide(provider: GuideProvider) -> None:
    """Whoever asks first is told what answers, whatever was asked."""
    answer = text_of(await events_of(provider, call(said((Role.USER, "Write a poem about autumn leaves")))))
    assert f"{INTRODUCTION}\n\n{STRANGE}" == answer


@pytest.mark.parametrize(
    "conversation",
    [
        Conversation(()),
        said((Role.SYSTEM, "x")),
        said((Role.USER, "")),
        Conversation((Message(Role.USER, (OtherPart("image_url"),)),)),
        said((Role.USER, "\ud800 \x00 \x1b[31m")),
        said((Role.USER, "key " * 25_000)),
    ],
)
@pytest.mark.anyio
async def test_odd_conversations_are_answered(provider: GuideProvider, conversation: Conversation) -> None:
    """Nothing to answer, no text, lone surrogates and a hundred kilobytes all get an answer."""
    events = await events_of(provider, call(conversation))
    assert (True, Finished(FinishReason.STOP)) == (text_of(events).startswith(INTRODUCTION), events[-1])


@pytest.mark.parametrize("max_tokens", [1, 2, 17, 40])
@pytest.mark.anyio
async def test_max_tokens_cuts_the_answer(provider: GuideProvider, max_tokens: int) -> None:
    """The beginning of the answer, no longer than asked, ending for its length."""
    whole = text_of(await events_of(provider, call(said((Role.USER, QUESTION)))))
    events = await events_of(provider, call(said((Role.USER, QUESTION)), max_tokens=max_tokens))
    answer = text_of(events)
    assert (whole.startswith(answer), 0 < count_tokens(answer) <= max_tokens) == (True, True)
    assert events[-2:] == [
        UsageSeen(Usage(count_tokens(QUESTION), count_tokens(answer))),
        Finished(FinishReason.LENGTH),
    ]


@pytest.mark.anyio
async def test_a_large_max_tokens_changes_nothing(provider: GuideProvider) -> None:
    """A bound above the answer's length is none."""
    question = said((Role.USER, QUESTION))
    assert await events_of(provider, call(question)) == await events_of(provider, call(question, max_tokens=4_096))


@pytest.mark.anyio
async def test_each_choice_gets_the_answer(provider: GuideProvider) -> None:
    """Two choices are the same text twice, and both are counted."""
    one = await events_of(provider, call(said((Role.USER, QUESTION))))
    two = await events_of(provider, call(said((Role.USER, QUESTION)), choices=2))
    assert text_of(one) == text_of(two, 0) == text_of(two, 1)
    tokens = count_tokens(text_of(one))
    assert two[-3:] == [
        UsageSeen(Usage(count_tokens(QUESTION), 2 * tokens)),
        Finished(FinishReason.STOP, 0),
        Finished(FinishReason.STOP, 1),
    ]


@pytest.mark.anyio
async def test_messages_that_cannot_be_read_are_the_callers_fault(provider: GuideProvider) -> None:
    """What the codec finds wrong is raised on entering."""

    def unreadable() -> Conversation:
        raise InvalidType("'messages' cannot be read.", field="messages")

    source = Source("openai_chat", b"{}", {}, unreadable)
    faulty = Call(CompletionRequest("tollbar-guide", source), Target("tollbar", "tollbar-guide"), math.inf, "req_1")
    with pytest.raises(InvalidType):
        await events_of(provider, faulty)


@pytest.mark.anyio
async def test_the_index_is_built_once(index: GuideIndex) -> None:
    """Not before the first call, and not again."""
    built: list[int] = []

    def build() -> GuideIndex:
        built.append(1)
        return index

    provider = GuideProvider(build)
    assert built == []
    for _ in range(2):
        await events_of(provider, call(said((Role.USER, QUESTION))))
    assert built == [1]


@pytest.mark.anyio
async def test_an_answer_may_be_left_early(provider: GuideProvider) -> None:
    """A caller that stops reading leaves nothing open."""
    async with provider.open(call(said((Role.USER, QUESTION)))) as events:
        assert isinstance(await anext(events), Started)
    assert [event async for event in events] == []


@pytest.mark.anyio
async def test_it_serves_one_model(provider: GuideProvider) -> None:
    """Its name says what it is."""
    assert tuple(await provider.models()) == ("tollbar-guide",)


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("éé", 1), ("\ud800", 1)])
def test_tokens_are_counted_by_bytes(text: str, tokens: int) -> None:
    """One for every four bytes, rounded up."""
    assert tokens == count_tokens(text)
