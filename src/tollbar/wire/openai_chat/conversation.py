"""The conversation inside an OpenAI chat request, for providers that do not speak this dialect.

Reference: the Chat Completions API, its older `functions` included. Parts that are not well-formed, or of a kind that
nobody here knows, are kept as `OtherPart`: whoever must send them on refuses them by name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tollbar.domain.conversation import (
    Calling,
    Conversation,
    Format,
    NamedTool,
    OutputFormat,
    Sampling,
    Tool,
    ToolChoice,
)
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
from tollbar.wire import reading
from tollbar.wire.body import Body

_ROLES = {**{role.value: role for role in Role}, "developer": Role.SYSTEM, "function": Role.TOOL}
_KINDS: Mapping[str, type] = {
    "temperature": float,
    "top_p": float,
    "frequency_penalty": float,
    "presence_penalty": float,
    "seed": int,
    "parallel_tool_calls": bool,
    "reasoning_effort": str,
}
_MODELLED = frozenset(
    (
        *_KINDS,
        *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "user"),
        *("tools", "functions", "tool_choice", "stop", "response_format"),
    )
)
_EMPTY = frozenset((b"null", b"false", b"[]", b"{}", b'["text"]'))
_CONTENT = ("audio", "modalities", "web_search_options", "logprobs", "function_call")
"""Members that change what the answer is made of: a provider that cannot be told of them cannot serve the call."""
_FORMATS = {"text": Format.TEXT, "json_object": Format.JSON, "json_schema": Format.SCHEMA}
_DATA_URL = re.compile(r"data:([^;,]*);base64,(.*)", re.DOTALL)
_NULL = msgspec.Raw(b"null")


class _Message(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    refusal: str | None = None
    reasoning_details: list[dict[str, Any]] | None = None


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = _NULL
    strict: bool | None = None


class _Tool(msgspec.Struct):
    type: str = "function"
    function: _Function | None = None


class _Schema(msgspec.Struct):
    name: str = ""
    schema: msgspec.Raw = _NULL
    description: str | None = None
    strict: bool | None = None


class _Format(msgspec.Struct):
    type: str
    json_schema: _Schema | None = None


class _Named(msgspec.Struct):
    name: str = ""


class _Choice(msgspec.Struct):
    function: _Named


def expand(body: Body) -> Conversation:
    """The request as domain values; raises InvalidType or InvalidValue with the path of the fault."""
    for name in _CONTENT:
        if body.value(name) not in (None, *_EMPTY):
            raise InvalidValue(f"{name!r} cannot be sent to this model's provider.", field=name)
    found = reading.member(body, "messages", list[_Message]) or []
    head = reading.head(body, _KINDS)
    stop = reading.member(body, "stop", str | list[str])
    return Conversation(
        messages=tuple(_message(index, message) for index, message in enumerate(found)),
        tools=tuple(_tools(body)),
        tool_choice=_choice(body),
        calls_in_parallel=head.get("parallel_tool_calls"),
        sampling=Sampling(
            temperature=head.get("temperature"),
            top_p=head.get("top_p"),
            frequency_penalty=head.get("frequency_penalty"),
            presence_penalty=head.get("presence_penalty"),
            seed=head.get("seed"),
            stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        ),
        output=_output(reading.member(body, "response_format", _Format)),
        effort=head.get("reasoning_effort"),
        unmodelled=tuple(name for name in body.spans if name not in _MODELLED and body.value(name) not in _EMPTY),
    )


def _message(index: int, message: _Message) -> Message:
    role = _ROLES.get(message.role)
    if role is None:
        field = f"messages[{index}].role"
        raise InvalidValue(f"{field!r} must be one of {', '.join(_ROLES)}.", field=field)
    parts = tuple(_parts(message.content))
    call_id = message.tool_call_id or (message.name if message.role == "function" else None)
    if role is Role.TOOL and call_id is not None:
        return Message(role, (ToolResultPart(call_id, tuple(map(_told, parts))),))
    refusal = (RefusalPart(message.refusal),) if message.refusal else ()
    thoughts = _thoughts(message.reasoning_details or ()) if role is Role.ASSISTANT else ()
    return Message(role, (*thoughts, *parts, *refusal, *map(_call, message.tool_calls or ())))


def _thoughts(details: Iterable[Mapping[str, Any]]) -> Iterator[ThinkingPart]:
    """The thoughts that somebody can vouch for; all others are not sent back to a model."""
    for detail in details:
        match detail:
            case {"type": "reasoning.text", "text": str(text), "signature": str(signature)} if signature:
                yield ThinkingPart(text, signature)
            case {"type": "reasoning.encrypted", "data": str(data)} if data:
                yield ThinkingPart("", data, is_redacted=True)


def _told(part: Part) -> TextPart | ImagePart | OtherPart:
    return part if isinstance(part, TextPart | ImagePart | OtherPart) else OtherPart(type(part).__name__)


def _parts(content: str | list[dict[str, Any]] | None) -> Iterator[Part]:
    if isinstance(content, str):
        yield TextPart(content)
    else:
        for part in content or ():
            yield _part(part) or OtherPart(str(part.get("type")))


def _part(part: Mapping[str, Any]) -> Part | None:
    """The part, None where it is not as it should be."""
    match part:
        case {"type": "text", "text": str(text)}:
            return TextPart(text)
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            detail = image.get("detail")
            return ImagePart(_source(url), detail if isinstance(detail, str) else None)
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(format_)}}:
            return AudioPart(data, format_)
        case {"type": "file", "file": {"file_id": str(file_id)} as file}:
            return FilePart(Upload(file_id), _name(file))
        case {"type": "file", "file": {"file_data": str(data)} as file}:
            return FilePart(_source(data), _name(file))
        case {"type": "refusal", "refusal": str(text)}:
            return RefusalPart(text)
    return None


def _source(url: str) -> Link | Inline:
    match = _DATA_URL.fullmatch(url)
    return Inline(match[1], match[2]) if match else Link(url)


def _name(file: Mapping[str, Any]) -> str | None:
    name = file.get("filename")
    return name if isinstance(name, str) else None


def _call(call: Mapping[str, Any]) -> Part:
    match call:
        case {"id": str(call_id), "function": {"name": str(name), "arguments": str(arguments)}}:
            return ToolCallPart(call_id, name, arguments, _signature(call))
    return OtherPart("tool_call")


def _signature(call: Mapping[str, Any]) -> str | None:
    """The proof of the thoughts behind a call, where Google's OpenAI-compatible endpoint puts it."""
    match call:
        case {"extra_content": {"google": {"thought_signature": str(signature)}}}:
            return signature
    return None


def _tools(body: Body) -> Iterator[Tool]:
    for index, tool in enumerate(reading.member(body, "tools", list[_Tool]) or ()):
        if tool.function is None:
            field = f"tools[{index}]"
            raise InvalidValue(f"{field!r} is a tool of type {tool.type[:64]!r}; only functions can be.", field=field)
        yield _tool(tool.function)
    yield from map(_tool, reading.member(body, "functions", list[_Function]) or ())


def _tool(function: _Function) -> Tool:
    return Tool(function.name, function.description, _text(function.parameters), function.strict)


def _text(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    return None if text == "null" else text


def _choice(body: Body) -> ToolChoice | None:
    choice = reading.member(body, "tool_choice", str | _Choice)
    if isinstance(choice, _Choice):
        return NamedTool(choice.function.name)
    if choice is None or choice in set(Calling):
        return None if choice is None else Calling(choice)
    words = ", ".join(Calling)
    raise InvalidValue(f"'tool_choice' must be one of {words}, or name a function.", field="tool_choice")


def _output(wanted: _Format | None) -> OutputFormat | None:
    if wanted is None:
        return None
    kind = _FORMATS.get(wanted.type)
    if kind is None:
        field = "response_format.type"
        raise InvalidValue(f"{field!r} must be one of {', '.join(_FORMATS)}.", field=field)
    schema = wanted.json_schema
    if kind is not Format.SCHEMA or schema is None:
        return OutputFormat(kind)
    return OutputFormat(kind, schema.name, _text(schema.schema), schema.description, schema.strict)
