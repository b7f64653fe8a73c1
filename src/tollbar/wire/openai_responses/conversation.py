"""The conversation inside a Responses request, for providers that do not speak this dialect.

Reference: the Responses API. What an assistant said, thought and called stands here in items of their own; items in a
row are one turn. What would change the answer and cannot be carried (built-in tools, state that lies elsewhere) is
refused by its name.
"""

from collections.abc import Iterator, Mapping
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
from tollbar.domain.errors import InvalidValue, MissingField
from tollbar.domain.messages import Message, Role, TextPart
from tollbar.wire import reading
from tollbar.wire.body import Body
from tollbar.wire.openai_responses.items import messages

_KINDS: Mapping[str, type] = {
    "instructions": str,
    "temperature": float,
    "top_p": float,
    "parallel_tool_calls": bool,
}
_ELSEWHERE = ("previous_response_id", "conversation", "prompt")
_CONTENT = (*_ELSEWHERE, "top_logprobs", "moderation")
"""Members that change what the answer is made of: a provider that cannot be told of them cannot serve the call."""
_MODELLED = frozenset(
    (
        *_KINDS,
        *("model", "input", "stream", "stream_options", "max_output_tokens", "user", "tools", "tool_choice", "text"),
        *("reasoning", "metadata", "background", "include"),
    )
)
_EMPTY = frozenset((b"null", b"false", b"[]", b"{}", b"0", b'""'))
_USUAL = {"truncation": b'"disabled"', "service_tier": b'"auto"'}
_INCLUDED = frozenset({"reasoning.encrypted_content"})
_FORMATS = {"text": Format.TEXT, "json_object": Format.JSON, "json_schema": Format.SCHEMA}
_NULL = msgspec.Raw(b"null")


class _Tool(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = _NULL
    strict: bool | None = None


class _Format(msgspec.Struct):
    type: str = "text"
    name: str = ""
    schema: msgspec.Raw = _NULL
    description: str | None = None
    strict: bool | None = None


class _Text(msgspec.Struct):
    format: _Format | None = None
    verbosity: str | None = None


class _Reasoning(msgspec.Struct):
    effort: str | None = None


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None


def expand(body: Body) -> Conversation:
    """The request as domain values; raises InvalidType or InvalidValue with the path of the fault."""
    _refuse_content(body)
    head = reading.head(body, _KINDS)
    text = reading.member(body, "text", _Text) or _Text()
    reasoning = reading.member(body, "reasoning", _Reasoning) or _Reasoning()
    return Conversation(
        messages=(*_instructed(head), *_asked(body)),
        tools=tuple(_tools(body)),
        tool_choice=_choice(body),
        calls_in_parallel=head.get("parallel_tool_calls"),
        sampling=Sampling(temperature=head.get("temperature"), top_p=head.get("top_p")),
        output=_output(text.format),
        effort=reasoning.effort,
        unmodelled=tuple(_unmodelled(body, text)),
    )


def _refuse_content(body: Body) -> None:
    for name in _CONTENT:
        if (body.value(name) or b"null") not in _EMPTY:
            hint = "Send the whole conversation in 'input'." if name in _ELSEWHERE else ""
            raise InvalidValue(f"{name!r} cannot be sent to this model's provider.", field=name, hint=hint)
    included = reading.member(body, "include", list[str]) or ()
    if "message.output_text.logprobs" in included:
        raise InvalidValue(
            "'include' asks for log probabilities, which this model's provider cannot be asked for.", field="include"
        )


def _unmodelled(body: Body, text: _Text) -> Iterator[str]:
    """The knobs that have no place in a conversation, where they say anything but what is usual."""
    for name in body.spans:
        if name not in _MODELLED and body.value(name) not in (*_EMPTY, _USUAL.get(name)):
            yield name
    if any(name not in _INCLUDED for name in reading.member(body, "include", list[str]) or ()):
        yield "include"
    if text.verbosity is not None:
        yield "text.verbosity"


def _instructed(head: Mapping[str, Any]) -> Iterator[Message]:
    if head.get("instructions"):
        yield Message(Role.SYSTEM, (TextPart(head["instructions"]),))


def _asked(body: Body) -> tuple[Message, ...]:
    given = reading.member(body, "input", str | list[dict[str, Any]])
    if given is None:
        raise MissingField("The field 'input' is missing.", field="input")
    if isinstance(given, str):
        return (Message(Role.USER, (TextPart(given),)),)
    return messages(given)


def _tools(body: Body) -> Iterator[Tool]:
    for index, tool in enumerate(reading.member(body, "tools", list[_Tool]) or ()):
        field = f"tools[{index}]"
        if tool.type != "function":
            raise InvalidValue(
                f"{field!r} is a tool of type {tool.type[:64]!r}, which this model's provider does not have.",
                field=field,
                hint="Only tools of type 'function' can be sent to it.",
            )
        if tool.name is None:
            raise InvalidValue(
                f"{field!r} has no 'name'.", field=field, hint="In this API it stands in the tool itself."
            )
        yield Tool(tool.name, tool.description, _text(tool.parameters), tool.strict)


def _text(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    return None if text == "null" else text


def _choice(body: Body) -> ToolChoice | None:
    choice = reading.member(body, "tool_choice", str | _Choice)
    if isinstance(choice, _Choice) and choice.type == "function" and choice.name is not None:
        return NamedTool(choice.name)
    if choice is None or (isinstance(choice, str) and choice in set(Calling)):
        return None if choice is None else Calling(choice)
    words = ", ".join(Calling)
    raise InvalidValue(f"'tool_choice' must be one of {words}, or name a function.", field="tool_choice")


def _output(wanted: _Format | None) -> OutputFormat | None:
    if wanted is None:
        return None
    kind = _FORMATS.get(wanted.type)
    if kind is None:
        field = "text.format.type"
        raise InvalidValue(f"{field!r} must be one of {', '.join(_FORMATS)}.", field=field)
    if kind is not Format.SCHEMA:
        return OutputFormat(kind)
    return OutputFormat(kind, wanted.name, _text(wanted.schema), wanted.description, wanted.strict)
