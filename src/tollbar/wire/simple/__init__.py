"""The simple dialects: a prompt in, a text out. Five older systems' clients call them, so names are theirs.

Each address has its shape; what they share is the rules, the errors and the streams.
"""

from collections.abc import Callable
from dataclasses import replace

from tollbar.wire import openai_chat
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.simple.answered import EventText, PlainText, document
from tollbar.wire.simple.asked import CHAT, GENERATE, QUESTION, RESPONSE, WIRE, reader
from tollbar.wire.simple.errors import encode_error, encode_stream_error, status_of
from tollbar.wire.simple.rules import USUAL_RULES, Manner, SimpleRules

__all__ = [
    "USUAL_RULES",
    "Manner",
    "SimpleRules",
    "chat",
    "generate",
    "local_chat",
    "local_generate",
    "question",
    "response",
]

Make = Callable[[SimpleRules], Dialect]


def generate(rules: SimpleRules) -> Dialect:
    """`{"prompt", "temperature"?, "top_p"?, "max_tokens"?}` → `{"response"}`, or its pieces as events."""
    return Dialect(
        wire=WIRE,
        decode=reader(GENERATE, rules, rules.cloud),
        encode=document("response"),
        stream_encoder=EventText,
        encode_error=encode_error,
        encode_stream_error=encode_stream_error,
        status_of=status_of,
    )


def local_generate(rules: SimpleRules) -> Dialect:
    """The same of a local model; its stream is mere text, unless the caller accepts events."""
    events = replace(generate(rules), decode=reader(GENERATE, rules, rules.local))
    plain = replace(
        events,
        stream_encoder=PlainText,
        encode_stream_error=None,
        stream_content_type=b"text/plain; charset=utf-8",
        comment=b"",
    )
    return replace(plain, variant=lambda incoming: events if _accepts_events(incoming) else plain)


def question(rules: SimpleRules) -> Dialect:
    """`{"text"}` → `{"text"}`."""
    return replace(generate(rules), decode=reader(QUESTION, rules, rules.cloud), encode=document("text"))


def response(rules: SimpleRules) -> Dialect:
    """`{"system_prompt"?, "message", "tokens"?}`, in a body or in the address → `{"response"}`."""
    return replace(generate(rules), decode=reader(RESPONSE, rules, rules.cloud))


def chat(rules: SimpleRules) -> Dialect:
    """`{"prompt"}` → an OpenAI chat completion."""
    return replace(
        generate(rules),
        decode=reader(CHAT, rules, rules.cloud),
        encode=openai_chat.DIALECT.encode,
        stream_encoder=openai_chat.DIALECT.stream_encoder,
    )


def local_chat(rules: SimpleRules) -> Dialect:
    """The same of a local model."""
    return replace(chat(rules), decode=reader(CHAT, rules, rules.local))


def _accepts_events(incoming: Incoming) -> bool:
    return any(name == b"accept" and b"text/event-stream" in value.lower() for name, value in incoming.headers)
