"""The input items of a Responses request as messages.

A message, a thought and a call of the assistant are items of their own here; those that follow one another are one
turn. Content that nobody here knows is kept as `OtherPart`: whoever must send it on refuses it by name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    AudioPart,
    FilePart,
    ImagePart,
    Inline,
    Link,
    Message,
    OtherPart,
    Part,
    RefusalPart,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    Upload,
)

Item = Mapping[str, Any]

_ROLES = {
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
}
_DATA_URL = re.compile(r"data:([^;,]*);base64,(.*)", re.DOTALL)


def messages(items: Sequence[Item]) -> tuple[Message, ...]:
    """The turns that the items make; raises InvalidValue for an item that no other dialect knows."""
    turns: list[Message] = []
    for index, item in enumerate(items):
        message = _message(item, index)
        last = turns[-1] if turns else None
        if last is not None and last.role is message.role is Role.ASSISTANT:
            turns[-1] = Message(Role.ASSISTANT, (*last.parts, *message.parts))
        else:
            turns.append(message)
    return tuple(turns)


def _message(item: Item, index: int) -> Message:
    match item:
        case {"type": "function_call", "call_id": str(call_id), "name": str(name), "arguments": str(arguments)}:
            return Message(Role.ASSISTANT, (ToolCallPart(call_id, name, arguments, signature_of(item)),))
        case {"type": "function_call_output", "call_id": str(call_id), "output": str() | list() as output}:
            return Message(Role.TOOL, (ToolResultPart(call_id, tuple(map(_told, _parts(output)))),))
        case {"type": "reasoning"}:
            return Message(Role.ASSISTANT, tuple(_thoughts(item)))
        case {"role": str(role), "content": str() | list() as content} if item.get("type", "message") == "message":
            if role in _ROLES:
                return Message(_ROLES[role], tuple(_parts(content)))
            field = f"input[{index}].role"
            raise InvalidValue(f"{field!r} must be one of {', '.join(_ROLES)}.", field=field)
    field = f"input[{index}]"
    kind = str(item.get("type", "message"))[:64]
    raise InvalidValue(
        f"{field!r} is an item of type {kind!r} that this model's provider cannot be sent.",
        field=field,
        hint="Messages, reasoning, function_call and function_call_output can be, with all their fields.",
    )


def signature_of(item: Item) -> str | None:
    """The proof of the thoughts behind a call, where the chat dialect has it too."""
    match item.get("extra_content"):
        case {"google": {"thought_signature": str(signature)}}:
            return signature or None
    return None


def thought_of(item: Item) -> str:
    """The words of a reasoning item: its summary, or where there is none its whole text."""
    for name in ("summary", "content"):
        found = item.get(name)
        texts = [part.get("text") for part in found if isinstance(part, dict)] if isinstance(found, list) else []
        if told := [text for text in texts if isinstance(text, str) and text]:
            return "\n\n".join(told)
    return ""


def _thoughts(item: Item) -> Iterator[ThinkingPart]:
    text, signature = thought_of(item), item.get("encrypted_content")
    proof = signature if isinstance(signature, str) and signature else None
    if text or proof:
        yield ThinkingPart(text, proof, is_redacted=not text)


def _told(part: Part) -> TextPart | ImagePart | OtherPart:
    return part if isinstance(part, TextPart | ImagePart | OtherPart) else OtherPart(type(part).__name__)


def _parts(content: str | Sequence[object]) -> Iterator[Part]:
    if isinstance(content, str):
        yield TextPart(content)
        return
    for part in content:
        found = part if isinstance(part, dict) else {}
        yield _part(found) or OtherPart(str(found.get("type"))[:64])


def _part(part: Item) -> Part | None:
    """The part, None where it is not as it should be."""
    match part:
        case {"type": "input_text" | "output_text" | "text", "text": str(text)}:
            return TextPart(text)
        case {"type": "refusal", "refusal": str(text)}:
            return RefusalPart(text)
        case {"type": "input_image", "image_url": str(url)}:
            detail = part.get("detail")
            return ImagePart(_source(url), detail if isinstance(detail, str) else None)
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(format_)}}:
            return AudioPart(data, format_)
        case {"type": "input_file"}:
            return _file(part)
    return None


def _file(part: Item) -> FilePart | None:
    name = part.get("filename")
    named = name if isinstance(name, str) else None
    match part:
        case {"file_data": str(data)}:
            return FilePart(_source(data), named)
        case {"file_url": str(url)}:
            return FilePart(Link(url), named)
        case {"file_id": str(file_id)}:
            return FilePart(Upload(file_id), named)
    return None


def _source(url: str) -> Link | Inline:
    match = _DATA_URL.fullmatch(url)
    return Inline(match[1], match[2]) if match else Link(url)
