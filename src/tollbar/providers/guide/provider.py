"""The built-in guide as a provider: the same calls, events and accounts as any other.

It answers the last thing the user said, without network, key or weights, and says the same each time. Tokens are
counted by a rule that anybody can repeat: one for every four bytes of UTF-8, rounded up. It adds no delay, and it never
pretends to be a language model.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from importlib.resources import files

from tollbar.domain.catalogue import Call
from tollbar.domain.conversation import Conversation
from tollbar.domain.events import Finished, FinishReason, Started, StreamEvent, Text, UsageSeen
from tollbar.domain.messages import Role
from tollbar.domain.usage import Usage
from tollbar.providers.guide.answer import write_answer
from tollbar.providers.guide.index import Finding, GuideIndex
from tollbar.providers.guide.meaning import Meaning
from tollbar.providers.guide.passages import packaged_documents, packaged_phrasings, read_library
from tollbar.providers.guide.words import Folding

MODEL = "tollbar-guide"
BYTES_PER_TOKEN = 4

# A few words at a time, so that a streamed answer is seen to stream.
_PIECE = re.compile(r"(?:\S+\s*){1,4}")


def packaged_index() -> GuideIndex:
    """The index over the documentation that comes with the package."""
    vocabulary = (files("tollbar.providers.guide") / "vocabulary.toml").read_text(encoding="utf-8")
    return GuideIndex(read_library(packaged_documents(), packaged_phrasings()), Folding(vocabulary))


class GuideProvider:
    """Answers from the documentation. The index is built at the first call, in a thread of its own.

    With a `meaning` passages are found by that too, once it has learnt; see `learn`.
    """

    def __init__(self, build: Callable[[], GuideIndex] = packaged_index, meaning: Meaning | None = None) -> None:
        self._build = build
        self._meaning = meaning
        self._built: GuideIndex | None = None
        self._building = asyncio.Lock()

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[AsyncIterator[StreamEvent]]:
        """The answer to the last message of the user. Entering raises RequestError when the messages cannot be read."""
        conversation = call.request.source.expand()
        index, question = await self._index(), _question(conversation)
        nearest = await self._meaning.nearest(question) if self._meaning is not None else ()
        answer = _answer(index.search(question, nearest), conversation)
        async with aclosing(_stream(_events(call, conversation, answer))) as events:
            yield events

    async def models(self) -> Sequence[str]:
        """The one name that it serves."""
        return (MODEL,)

    @property
    def is_due(self) -> bool:
        """Whether there is a model by which meanings could be learnt, and were not."""
        return self._meaning is not None and self._meaning.is_due

    async def learn(self) -> bool:
        """Has the meaning learn the passages if that is due; False when it failed."""
        if self._meaning is None or not self._meaning.is_due:
            return True
        return await self._meaning.learn((await self._index()).passages)

    async def _index(self) -> GuideIndex:
        if self._built is None:
            async with self._building:
                if self._built is None:
                    self._built = await asyncio.to_thread(self._build)
        return self._built


def count_tokens(text: str) -> int:
    """One token for every four bytes of UTF-8, rounded up; a lone surrogate counts as its three bytes."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def _question(conversation: Conversation) -> str:
    questions = [message.text for message in conversation.messages if message.role is Role.USER]
    return questions[-1] if questions else ""


def _answer(finding: Finding, conversation: Conversation) -> str:
    is_first = all(message.role is not Role.ASSISTANT for message in conversation.messages)
    return write_answer(finding, is_first=is_first)


def _events(call: Call, conversation: Conversation, answer: str) -> Iterator[StreamEvent]:
    limit = call.request.max_tokens
    said = answer if limit is None else _cut(answer, limit * BYTES_PER_TOKEN)
    choices = range(call.request.choices)
    yield Started(id=call.request_id, model=MODEL)
    for choice in choices:
        for piece in _PIECE.findall(said):
            yield Text(piece, choice)
    prompt_tokens = sum(count_tokens(message.text) for message in conversation.messages)
    yield UsageSeen(Usage(prompt_tokens=prompt_tokens, completion_tokens=count_tokens(said) * len(choices)))
    for choice in choices:
        yield Finished(FinishReason.STOP if said == answer else FinishReason.LENGTH, choice)


async def _stream(events: Iterable[StreamEvent]) -> AsyncGenerator[StreamEvent, None]:
    for event in events:
        yield event


def _cut(text: str, most_bytes: int) -> str:
    """The beginning of a text, in at most so many bytes and without half a character."""
    return text.encode()[:most_bytes].decode(errors="ignore")
