"""The conversation inside Ollama's requests, for providers that do not speak this dialect.

Reference: the Ollama API. Its older clients give tool calls no ids: these are numbered, and each tool's answer belongs
to the first call of its name that has none yet.
"""

from collections.abc import Iterator, Mapping

import msgspec

from tollbar.domain.conversation import Conversation, Format, OutputFormat, Sampling, Tool
from tollbar.domain.errors import InvalidValue, RequestError
from tollbar.domain.messages import (
    ImagePart,
    Inline,
    Message,
    Part,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from tollbar.wire import reading
from tollbar.wire.body import Body, scan
from tollbar.wire.ollama.pictures import media_type

_COMMON = ("model", "stream", "options", "format", "think", "logprobs", "top_logprobs")
CHAT_MEMBERS = frozenset({*_COMMON, "messages", "tools"})
GENERATE_MEMBERS = frozenset({*_COMMON, "prompt", "system", "images", "suffix", "template", "context", "raw"})
_CHAT_CONTENT = ("logprobs",)
_GENERATE_CONTENT = ("suffix", "template", "context", "raw", "logprobs")
"""Members that change what the question or its answer is made of, which only Ollama itself can be told."""
_EMPTY = frozenset((b"null", b"false", b'""', b"[]", b"{}"))
_SAMPLING: Mapping[str, type] = {
    "temperature": float,
    "top_p": float,
    "top_k": int,
    "frequency_penalty": float,
    "presence_penalty": float,
    "seed": int,
}
_OPTIONS = frozenset((*_SAMPLING, "stop", "num_predict"))
_EFFORTS = ("low", "medium", "high")
_NO_SCHEMA = msgspec.Raw(b"null")


class _Function(msgspec.Struct):
    name: str
    arguments: msgspec.Raw = _NO_SCHEMA


class _Call(msgspec.Struct):
    function: _Function
    id: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[_Call] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class _Described(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = _NO_SCHEMA


class _Tool(msgspec.Struct):
    function: _Described


def expand_chat(body: Body) -> Conversation:
    """A chat as domain values; raises RequestError with the path of the fault."""
    _refuse(body, _CHAT_CONTENT)
    found = reading.member(body, "messages", list[_Message]) or []
    tools = reading.member(body, "tools", list[_Tool]) or []
    thread = _Thread()
    messages = tuple(thread.message(index, message) for index, message in enumerate(found))
    described = (tool.function for tool in tools)
    offered = tuple(Tool(tool.name, tool.description, _text(tool.parameters)) for tool in described)
    return _conversation(body, messages, offered, CHAT_MEMBERS)


def expand_generate(body: Body) -> Conversation:
    """A prompt as a conversation of one turn; raises RequestError with the path of the fault."""
    _refuse(body, _GENERATE_CONTENT)
    head = reading.head(body, {"system": str, "prompt": str})
    images = reading.member(body, "images", list[str]) or []
    system = (Message(Role.SYSTEM, (TextPart(head["system"]),)),) if head.get("system") else ()
    asked = (TextPart(head.get("prompt", "")), *_images(images, "images"))
    return _conversation(body, (*system, Message(Role.USER, asked)), (), GENERATE_MEMBERS)


def _conversation(
    body: Body, messages: tuple[Message, ...], tools: tuple[Tool, ...], members: frozenset[str]
) -> Conversation:
    options = _options(body)
    effort, tokens = _think(body)
    lost = (name for name in body.spans if name not in members and body.value(name) not in _EMPTY)
    lost_options = (f"options.{name}" for name in options.spans if name not in _OPTIONS)
    return Conversation(
        messages=messages,
        tools=tools,
        sampling=_sampling(options),
        output=_output(body),
        effort=effort,
        thinking_tokens=tokens,
        unmodelled=(*lost, *lost_options),
    )


class _Thread:
    """Reads messages one after the other, and knows the calls of tools that were not answered yet."""

    def __init__(self) -> None:
        self._count = 0
        self._open: list[tuple[str, str]] = []

    def message(self, index: int, told: _Message) -> Message:
        """The next message."""
        if told.role not in set(Role):
            field = f"messages[{index}].role"
            raise InvalidValue(f"{field!r} must be one of {', '.join(Role)}.", field=field)
        role = Role(told.role)
        images = tuple(_images(told.images or (), f"messages[{index}].images"))
        text = (TextPart(told.content),) if told.content else ()
        if role is Role.TOOL:
            return Message(role, (ToolResultPart(self._answered(told), (*text, *images)),))
        thoughts = (ThinkingPart(told.thinking),) if told.thinking else ()
        calls = tuple(self._called(call) for call in told.tool_calls or ())
        parts: tuple[Part, ...] = (*thoughts, *text, *images, *calls)
        return Message(role, parts or (TextPart(""),))

    def _called(self, call: _Call) -> ToolCallPart:
        self._count += 1
        made = ToolCallPart(call.id or f"call_{self._count}", call.function.name, _arguments(call.function.arguments))
        self._open.append((made.id, made.name))
        return made

    def _answered(self, told: _Message) -> str:
        """The id of the call that a message answers."""
        if told.tool_call_id:
            found = told.tool_call_id
        else:
            same = (call_id for call_id, name in self._open if name == told.tool_name or told.tool_name is None)
            found = next(same, f"call_{told.tool_name or self._count}")
        self._open = [one for one in self._open if one[0] != found]
        return found


def _images(images: list[str] | tuple[()], field: str) -> Iterator[ImagePart]:
    for index, data in enumerate(images):
        kind = media_type(data)
        if kind is None:
            place = f"{field}[{index}]"
            hint = "Send PNG, JPEG, GIF, WebP or BMP as base64, without 'data:'."
            raise InvalidValue(f"{place!r} is no picture of a known kind.", field=place, hint=hint)
        yield ImagePart(Inline(kind, data))


def _arguments(raw: msgspec.Raw) -> str:
    """Arguments as JSON text; clients of other dialects send the text of an object in place of it."""
    text = bytes(raw).decode()
    if not text.startswith('"'):
        return "{}" if text == "null" else text
    try:
        return msgspec.json.decode(text, type=str)
    except msgspec.DecodeError:  # a lone surrogate
        return text


def _refuse(body: Body, names: tuple[str, ...]) -> None:
    for name in names:
        if body.value(name) not in (None, *_EMPTY):
            raise InvalidValue(f"{name!r} cannot be sent to this model's provider.", field=name)


def _options(body: Body) -> Body:
    raw = body.value("options")
    return scan(b"{}" if raw in (None, b"null") else raw)


def _sampling(options: Body) -> Sampling:
    try:
        head = reading.head(options, _SAMPLING)
        stop = reading.member(options, "stop", str | list[str])
    except RequestError as fault:
        fault.field = "options" if fault.field is None else f"options.{fault.field}"
        raise
    return Sampling(**head, stop=(stop,) if isinstance(stop, str) else tuple(stop or ()))


def _output(body: Body) -> OutputFormat | None:
    raw = body.value("format")
    if raw is None or raw in _EMPTY - {b"{}"}:
        return None
    if raw.startswith(b"{"):
        return OutputFormat(Format.SCHEMA, "answer", raw.decode())
    if raw == b'"json"':
        return OutputFormat(Format.JSON)
    raise InvalidValue("'format' must be \"json\" or a JSON schema.", field="format")


def _think(body: Body) -> tuple[str | None, int | None]:
    """How long to think: a word, or no token for not at all. Mere `true` leaves the length open, hence the middle."""
    told = reading.member(body, "think", bool | str)
    if told is None or told is False:
        return None, None if told is None else 0
    if told is True:
        return "medium", None
    if told in _EFFORTS:
        return told, None
    raise InvalidValue(f"'think' must be true, false or one of {', '.join(_EFFORTS)}.", field="think")


def _text(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    return None if text == "null" else text
