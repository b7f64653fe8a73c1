"""The conversation inside an OpenAI chat request, for providers that do not speak this dialect."""

import json

import msgspec

from tollbar.domain.errors import InvalidType, InvalidValue
from tollbar.domain.messages import Conversation, Message, OtherPart, Part, Role, TextPart
from tollbar.wire.body import Body

_ROLES = {**{role.value: role for role in Role}, "developer": Role.SYSTEM, "function": Role.TOOL}


class _Message(msgspec.Struct):
    role: str
    content: str | list[dict[str, object]] | None = None
    tool_calls: list[dict[str, object]] | None = None


_DECODE = msgspec.json.Decoder(list[_Message]).decode


def expand(body: Body) -> Conversation:
    """The messages as domain values; raises InvalidType or InvalidValue with the path of the fault."""
    raw = body.value("messages") or b"[]"
    try:
        try:
            messages = _DECODE(raw)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            messages = _DECODE(_mended(raw))
    except msgspec.ValidationError as fault:
        raise InvalidType(f"'messages' cannot be read: {fault}.", field="messages") from None
    return Conversation(tuple(_message(index, message) for index, message in enumerate(messages)))


def _mended(raw: bytes) -> bytes:
    """The same JSON with each half of a surrogate pair, legal there but no text to search or store, as U+FFFD."""
    text = json.dumps(json.loads(raw), ensure_ascii=False)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _message(index: int, message: _Message) -> Message:
    role = _ROLES.get(message.role)
    if role is None:
        field = f"messages[{index}].role"
        raise InvalidValue(f"{field!r} must be one of {', '.join(_ROLES)}.", field=field)
    calls = tuple(OtherPart("tool_call") for _ in message.tool_calls or ())
    match message.content:
        case None:
            return Message(role, calls)
        case str(text):
            return Message(role, (TextPart(text), *calls))
        case parts:
            return Message(role, (*(_part(part) for part in parts), *calls))


def _part(part: dict[str, object]) -> Part:
    text = part.get("text")
    if part.get("type") == "text" and isinstance(text, str):
        return TextPart(text)
    return OtherPart(str(part.get("type")))
