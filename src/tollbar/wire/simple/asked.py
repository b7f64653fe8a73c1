"""The question in a simple request, as a conversation of one or two messages.

A shape says what an address calls the few things it takes; a body may hold more, which is not read.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Conversation, Sampling
from tollbar.domain.messages import Message, Role, TextPart
from tollbar.wire import reading
from tollbar.wire.dialect import Incoming
from tollbar.wire.simple.fields import Kinds, check_number, check_text, fields_of
from tollbar.wire.simple.rules import Manner, SimpleRules

WIRE = "simple"
HOTTEST = 2
BYTES_AROUND = 32
"""About what a message is longer by as JSON, `{"role":"user","content":""}`: it stands for the tokens of the roles."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one address takes: the names of its fields, None for what it does not have.

    `is_sampled` says that it takes `temperature` and `top_p`; `from_query` that parameters of the address may stand
    in for a body.
    """

    words: str
    tokens: str | None = None
    system: str | None = None
    is_sampled: bool = False
    from_query: bool = False

    @property
    def kinds(self) -> Kinds:
        """The kind of each field."""
        kinds: dict[str, type] = {self.words: str, "stream": bool}
        if self.tokens is not None:
            kinds[self.tokens] = int
        if self.system is not None:
            kinds[self.system] = str
        return kinds | ({"temperature": float, "top_p": float} if self.is_sampled else {})


GENERATE = Shape("prompt", tokens="max_tokens", is_sampled=True)
QUESTION = Shape("text")
CHAT = Shape("prompt")
RESPONSE = Shape("message", tokens="tokens", system="system_prompt", from_query=True)


def reader(shape: Shape, rules: SimpleRules, manner: Manner) -> Callable[[Incoming], CompletionRequest]:
    """What reads the requests of a shape; it raises RequestError naming the field at fault."""
    kinds = shape.kinds

    def decode(incoming: Incoming) -> CompletionRequest:
        found = fields_of(incoming, kinds, shape.words, shape.from_query)
        words = check_text(found, shape.words, rules.max_characters)
        temperature = check_number(found, "temperature", 0, HOTTEST)
        top_p = check_number(found, "top_p", 0, 1)
        tokens = reading.bounded(found, shape.tokens, 1, manner.most_tokens) if shape.tokens else None
        system = found.get(shape.system) if shape.system else None
        messages = _messages(rules.system_prompt if system is None else system, words)
        sampling = Sampling(
            temperature=manner.temperature if temperature is None else temperature,
            top_p=manner.top_p if top_p is None else top_p,
        )
        conversation = Conversation(messages, sampling=sampling)
        return CompletionRequest(
            model=incoming.name,
            source=Source(WIRE, incoming.body, {}, lambda: conversation),
            stream=bool(found.get("stream")),
            max_tokens=min(manner.tokens, manner.most_tokens) if tokens is None else tokens,
            prompt_bytes=sum(len(message.text.encode()) + BYTES_AROUND for message in messages),
        )

    return decode


def _messages(system: str, words: str) -> tuple[Message, ...]:
    asked = Message(Role.USER, (TextPart(words),))
    return (Message(Role.SYSTEM, (TextPart(system),)), asked) if system.strip() else (asked,)
