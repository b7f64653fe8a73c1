"""The tokens of a chat completion request, as OpenAI documents that its messages are told to the model.

Each message takes three beside its words, and one more where it has a name; three begin the answer. How tools and the
schema of an answer are told is not documented: the text of their JSON is near it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tollbar.domain.usage import Tally

PER_MESSAGE, PER_NAME, TO_BEGIN = 3, 1, 3
_WORDS = frozenset({"text", "refusal"})
_PICTURE = "image_url"


def tally(asked: Mapping[str, Any], length: Callable[[str], int]) -> Tally | None:
    """What a request's body holds; None where that is not words and pictures alone. `length` tells a text's tokens.

    The body is a caller's: what is not as OpenAI says is passed over, and the provider will tell of it.
    """
    tokens, pictures = TO_BEGIN, 0
    for message in _objects(asked.get("messages")):
        parts = _objects(message.get("content"))
        kinds = [part.get("type") for part in parts]
        if not _WORDS.union((_PICTURE,)).issuperset(map(str, kinds)):
            return None
        tokens += PER_MESSAGE + (PER_NAME if "name" in message else 0)
        tokens += sum(map(length, _said(message)))
        pictures += kinds.count(_PICTURE)
    return Tally(tokens + sum(map(length, _told_beside(asked))), pictures)


def _said(message: Mapping[str, Any]) -> Iterator[str]:
    """The words of a message: who speaks, what is said, and the tools that are called."""
    for name in ("role", "name", "content", "refusal"):
        yield _text(message.get(name))
    for part in _objects(message.get("content")):
        yield _text(part.get(part.get("type", "")))
    calls = [call.get("function") for call in _objects(message.get("tool_calls"))]
    for call in _objects([*calls, message.get("function_call")]):
        yield _text(call.get("name"))
        yield _text(call.get("arguments"))


def _told_beside(asked: Mapping[str, Any]) -> Iterator[str]:
    """What the model is told beside the messages."""
    wanted = asked.get("response_format")
    schema = wanted.get("json_schema") if isinstance(wanted, dict) else None
    for told in (asked.get("tools"), asked.get("functions"), schema):
        if told:
            yield json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
