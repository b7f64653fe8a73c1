"""The conversation inside an Anthropic request, for providers that do not speak this dialect.

Reference: the Messages API. Blocks of a kind that nobody here knows are kept as `OtherPart`: whoever must send them on
refuses them by name.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

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
from tollbar.domain.errors import InvalidType, InvalidValue
from tollbar.domain.messages import (
    FilePart,
    ImagePart,
    Inline,
    Link,
    Message,
    OtherPart,
    Part,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    Upload,
)
from tollbar.wire import reading
from tollbar.wire.anthropic.blocks import CALL_PROOF
from tollbar.wire.anthropic.caching import cache_points
from tollbar.wire.body import Body

T = TypeVar("T")

SCHEMA_NAME = "answer"
"""What a schema is called for dialects in which each has a name; here none has."""
_ROLES = {role.value: role for role in (Role.USER, Role.ASSISTANT, Role.SYSTEM)}
_CHOICES = {"auto": Calling.AUTO, "any": Calling.REQUIRED, "none": Calling.NONE}
_EFFORTS = {"xhigh": "high", "max": "high"}
"""Words of this dialect alone, as the nearest that others know."""
_KINDS = {"temperature": float, "top_p": float, "top_k": int}
_MODELLED = frozenset(
    (
        *_KINDS,
        *("model", "messages", "stream", "max_tokens", "metadata", "system", "tools", "tool_choice"),
        *("stop_sequences", "thinking", "output_config", "output_format"),
    )
)
_CONTENT = ("mcp_servers", "container", "compaction", "thread")
"""Members that change what the answer is made of: a provider that cannot be told of them cannot serve the call."""
_EMPTY = frozenset((b"null", b"false", b"[]", b"{}"))
_INNER_KNOBS = ("cache_control", "citations", "defer_loading", "eager_input_streaming", "input_examples")
"""Knobs inside blocks and tools, which have no place here either."""
_NULL = msgspec.Raw(b"null")


class _Source(msgspec.Struct, gc=False):
    type: str
    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    content: msgspec.Raw = _NULL


class _Block(msgspec.Struct, gc=False):
    type: str
    text: str | None = None
    id: str = ""
    name: str = ""
    input: msgspec.Raw = _NULL
    tool_use_id: str = ""
    content: msgspec.Raw = _NULL
    is_error: bool | None = None
    thinking: str = ""
    signature: str = ""
    data: str = ""
    source: msgspec.Raw = _NULL
    title: str | None = None
    context: str | None = None


class _Message(msgspec.Struct, gc=False):
    role: str
    content: str | list[_Block]


class _Tool(msgspec.Struct, gc=False):
    name: str
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = _NULL
    strict: bool | None = None


class _Choice(msgspec.Struct, gc=False):
    type: str
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class _Thinking(msgspec.Struct, gc=False):
    type: str
    budget_tokens: int | None = None


class _Format(msgspec.Struct, gc=False):
    type: str
    schema: msgspec.Raw = _NULL


class _OutputConfig(msgspec.Struct, gc=False):
    effort: str | None = None
    format: _Format | None = None


def expand(body: Body) -> Conversation:
    """The request as domain values; raises InvalidType or InvalidValue with the path of the fault."""
    for name in _CONTENT:
        if body.value(name) not in (None, *_EMPTY):
            raise InvalidValue(f"{name!r} cannot be sent to this model's provider.", field=name)
    system = reading.member(body, "system", str | list[_Block])
    found = reading.member(body, "messages", list[_Message]) or []
    head = reading.head(body, _KINDS)
    choice = reading.member(body, "tool_choice", _Choice)
    config = reading.member(body, "output_config", _OutputConfig) or _OutputConfig()
    wanted = config.format or reading.member(body, "output_format", _Format)
    thinking = reading.member(body, "thinking", _Thinking)
    is_off = thinking is not None and thinking.type == "disabled"
    effort = None if is_off or config.effort is None else _EFFORTS.get(config.effort, config.effort)
    return Conversation(
        messages=(
            *([Message(Role.SYSTEM, _parts(system, "system"))] if system else ()),
            *(_message(index, message) for index, message in enumerate(found)),
        ),
        tools=tuple(_tools(body)),
        tool_choice=_choice(choice),
        calls_in_parallel=_in_parallel(choice),
        sampling=Sampling(
            temperature=head.get("temperature"),
            top_p=head.get("top_p"),
            top_k=head.get("top_k"),
            stop=tuple(reading.member(body, "stop_sequences", list[str]) or ()),
        ),
        output=_output(wanted),
        effort=effort,
        thinking_tokens=0 if is_off else thinking.budget_tokens if thinking is not None else None,
        unmodelled=tuple(_unmodelled(body)),
        cache_points=cache_points(body),
    )


def _unmodelled(body: Body) -> Iterator[str]:
    for name in body.spans:
        if name not in _MODELLED and name != "cache_control" and body.value(name) not in _EMPTY:
            yield name
    for name in _INNER_KNOBS:
        if b'"%b"' % name.encode() in body.raw:  # within a text the quotes would be escaped
            yield name


def _message(index: int, message: _Message) -> Message:
    role = _ROLES.get(message.role)
    if role is None:
        field = f"messages[{index}].role"
        raise InvalidValue(f"{field!r} must be one of {', '.join(_ROLES)}.", field=field)
    return Message(role, _parts(message.content, f"messages[{index}].content"))


def _parts(content: str | list[_Block], field: str) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (TextPart(content),)
    parts = (part for place, block in enumerate(content) for part in _of_block(block, f"{field}[{place}]"))
    return tuple(_proven(parts))


def _proven(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts, with each call's proof in the call."""
    proof = None
    for part in parts:
        if isinstance(part, ThinkingPart) and (part.signature or "").startswith(CALL_PROOF):
            proof = (part.signature or "").removeprefix(CALL_PROOF)
            continue
        yield replace(part, signature=proof) if proof and isinstance(part, ToolCallPart) else part
        proof = None


def _of_block(block: _Block, field: str) -> Iterator[Part]:
    """The parts that a block says; one that is not as it should be is kept under its name."""
    match block:
        case _Block(type="text", text=str(text)):
            yield TextPart(text)
        case _Block(type="image"):
            yield _image(block, field)
        case _Block(type="document"):
            yield from _document(block, field)
        case _Block(type="thinking"):
            yield ThinkingPart(block.thinking, block.signature or None)
        case _Block(type="redacted_thinking"):
            yield ThinkingPart("", block.data, is_redacted=True)
        case _Block(type="tool_use"):
            yield ToolCallPart(block.id, block.name, _text(block.input) or "{}")
        case _Block(type="tool_result"):
            said = _decoded(block.content, str | list[_Block] | None, f"{field}.content")
            told = tuple(map(_told, _parts(said or [], f"{field}.content")))
            yield ToolResultPart(block.tool_use_id, told, block.is_error is True)
        case _:
            yield OtherPart(block.type)


def _told(part: Part) -> TextPart | ImagePart | OtherPart:
    if isinstance(part, TextPart | ImagePart | OtherPart):
        return part
    return OtherPart("document" if isinstance(part, FilePart) else type(part).__name__)


def _image(block: _Block, field: str) -> Part:
    match _decoded(block.source, _Source, f"{field}.source"):
        case _Source(type="base64", media_type=media_type, data=data):
            return ImagePart(Inline(media_type, data))
        case _Source(type="url", url=url):
            return ImagePart(Link(url))
    return OtherPart("image")


def _document(block: _Block, field: str) -> Iterator[Part]:
    if block.context:
        yield TextPart(block.context)
    match _decoded(block.source, _Source, f"{field}.source"):
        case _Source(type="base64", media_type=media_type, data=data):
            yield FilePart(Inline(media_type, data), block.title)
        case _Source(type="text", data=data):
            told = base64.b64encode(data.encode("utf-8", "replace")).decode()
            yield FilePart(Inline("text/plain", told), block.title)
        case _Source(type="url", url=url):
            yield FilePart(Link(url), block.title)
        case _Source(type="file", file_id=file_id):
            yield FilePart(Upload(file_id), block.title)
        case _Source(type="content", content=content):
            said = _decoded(content, str | list[_Block], f"{field}.source.content")
            yield from _parts(said, f"{field}.source.content")
        case _:
            yield OtherPart("document")


def _decoded(raw: msgspec.Raw, kind: type[T], field: str) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as fault:
        raise InvalidType(f"{field!r} cannot be read: {fault}.", field=field) from None


def _tools(body: Body) -> Iterator[Tool]:
    for index, tool in enumerate(reading.member(body, "tools", list[_Tool]) or ()):
        if tool.type not in (None, "custom"):
            field = f"tools[{index}]"
            raise InvalidValue(f"{field!r} is a tool of type {tool.type[:64]!r}; only functions can be.", field=field)
        yield Tool(tool.name, tool.description, _text(tool.input_schema), tool.strict)


def _text(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    return None if text == "null" else text


def _choice(choice: _Choice | None) -> ToolChoice | None:
    if choice is None:
        return None
    if choice.type == "tool":
        return NamedTool(choice.name)
    calling = _CHOICES.get(choice.type)
    if calling is None:
        field = "tool_choice.type"
        raise InvalidValue(f"{field!r} must be one of {', '.join((*_CHOICES, 'tool'))}.", field=field)
    return calling


def _in_parallel(choice: _Choice | None) -> bool | None:
    if choice is None or choice.disable_parallel_tool_use is None:
        return None
    return not choice.disable_parallel_tool_use


def _output(wanted: _Format | None) -> OutputFormat | None:
    if wanted is None:
        return None
    if wanted.type != "json_schema":
        field = "output_config.format.type"
        raise InvalidValue(f"{field!r} must be json_schema.", field=field)
    return OutputFormat(Format.SCHEMA, SCHEMA_NAME, _text(wanted.schema), is_strict=True)
