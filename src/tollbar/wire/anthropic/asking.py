"""A conversation as Anthropic's request, for callers who speak another dialect.

The opposite of `conversation.expand`. What this wire has no place for is left out and told (penalties, a seed, thoughts
without their proof); several answers at once, sound, and content of a kind that nobody here knows are refused, because
without them the question would be another one.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.conversation import Calling, Conversation, Format, NamedTool, Tool
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    FilePart,
    ImagePart,
    Inline,
    Link,
    Message,
    Part,
    RefusalPart,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    Upload,
)
from tollbar.wire.anthropic.blocks import arguments_object, is_said, is_unproven
from tollbar.wire.anthropic.knobs import sampling_of, thought_of
from tollbar.wire.anthropic.models import manner_of
from tollbar.wire.asked import Asked
from tollbar.wire.writing import encoded

_CHOICES = {Calling.AUTO: "auto", Calling.REQUIRED: "any", Calling.NONE: "none"}
_NO_PARAMETERS = msgspec.Raw(b'{"type":"object","properties":{}}')


def asking(request: CompletionRequest, model: str, most_output: int | None = None) -> Asked:
    """What asks a provider's `model`; raises what reading the conversation raises, or InvalidValue.

    A length must be said here. A caller who gave none gets `most_output`, the most that the model can answer, where
    that is known, and else what all models of its generation can.
    """
    if request.choices != 1:
        raise InvalidValue("'n' must be 1: this model's provider gives one answer.", field="n")
    conversation = request.source.expand()
    manner = manner_of(model)
    length = request.max_tokens if request.max_tokens is not None else most_output or manner.output_tokens
    thought = thought_of(conversation, manner, length)
    sampling, lost = sampling_of(conversation, manner, thought.is_on)
    system = [_text(part, "system") for part in _spoken(conversation.messages, Role.SYSTEM)]
    told: dict[str, Any] = {
        "model": model,
        "max_tokens": length,
        "system": system or None,
        "messages": _turns(conversation),
        **sampling,
        "stop_sequences": list(conversation.sampling.stop) or None,
        "tools": [_tool(tool) for tool in conversation.tools] or None,
        "tool_choice": _choice(conversation),
        **thought.members,
        "metadata": {"user_id": request.user} if request.user else None,
        "stream": True if request.stream else None,
    }
    config = _output(conversation)
    if config:
        told["output_config"] = {**told.get("output_config", {}), **config}
    body = encoded({name: value for name, value in told.items() if value is not None})
    return Asked(body, (*conversation.unmodelled, *thought.dropped, *lost, *_dropped(conversation)))


def _dropped(conversation: Conversation) -> Iterator[str]:
    sampling, output = conversation.sampling, conversation.output
    for name in ("frequency_penalty", "presence_penalty", "seed"):
        if getattr(sampling, name) is not None:
            yield name
    if output is not None and (output.format is Format.JSON or (output.format is Format.SCHEMA and not output.schema)):
        yield "response_format"
    if any(is_unproven(part) for message in conversation.messages for part in message.parts):
        yield "thinking"


def _spoken(messages: Sequence[Message], role: Role) -> list[Part]:
    return [part for message in messages if message.role is role for part in message.parts if part != TextPart("")]


def _text(part: Part, field: str) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    raise _unknown(part, field)


def _turns(conversation: Conversation) -> list[dict[str, Any]]:
    """The turns without the system's, each by one who has not just spoken: answers of tools are the user's."""
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(conversation.messages):
        if message.role is Role.SYSTEM:
            continue
        role = "assistant" if message.role is Role.ASSISTANT else "user"
        blocks = [_block(part, f"messages[{index}].content") for part in message.parts if is_said(part)]
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return turns


def _block(part: Part, field: str) -> dict[str, Any]:
    match part:
        case TextPart(text) | RefusalPart(text):
            return {"type": "text", "text": text}
        case ImagePart(source):
            return {"type": "image", "source": _source(source)}
        case FilePart(source, name):
            return _file(source, name, field)
        case ThinkingPart(_, signature, True):
            return {"type": "redacted_thinking", "data": signature}
        case ThinkingPart(text, signature):
            return {"type": "thinking", "thinking": text, "signature": signature}
        case ToolCallPart(call_id, name, arguments):
            return {"type": "tool_use", "id": call_id, "name": name, "input": arguments_object(arguments)}
        case ToolResultPart(call_id, parts, is_error):
            content = [_block(inner, field) for inner in parts if inner != TextPart("")]
            told = {"type": "tool_result", "tool_use_id": call_id, "content": content}
            return {**told, "is_error": True} if is_error else told
        case _:
            raise _unknown(part, field)


def _unknown(part: Part, field: str) -> InvalidValue:
    kind = getattr(part, "kind", type(part).__name__)
    return InvalidValue(f"{field!r} holds {kind!r}, which this model's provider cannot be sent.", field=field)


def _source(source: Link | Inline) -> dict[str, Any]:
    if isinstance(source, Link):
        return {"type": "url", "url": source.url}
    return {"type": "base64", "media_type": source.media_type, "data": source.data}


def _file(source: Link | Inline | Upload, name: str | None, field: str) -> dict[str, Any]:
    match source:
        case Upload(file_id):
            told: dict[str, Any] = {"type": "file", "file_id": file_id}
        case Inline(media_type, data) if media_type.startswith("text/"):
            told = {"type": "text", "media_type": "text/plain", "data": _plain(data, field)}
        case _:
            told = _source(source)
    document = {"type": "document", "source": told}
    return document if name is None else {**document, "title": name}


def _plain(data: str, field: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise InvalidValue(f"{field!r} holds a text file that is not UTF-8 in base64.", field=field) from None


def _tool(tool: Tool) -> dict[str, Any]:
    schema = _NO_PARAMETERS if tool.parameters is None else msgspec.Raw(tool.parameters.encode())
    told = {"name": tool.name, "description": tool.description, "input_schema": schema, "strict": tool.is_strict}
    return {name: value for name, value in told.items() if value is not None}


def _choice(conversation: Conversation) -> dict[str, Any] | None:
    choice, in_parallel = conversation.tool_choice, conversation.calls_in_parallel
    if not conversation.tools or (choice is None and in_parallel is None):
        return None
    told: dict[str, Any] = {"type": "auto"}
    if isinstance(choice, NamedTool):
        told = {"type": "tool", "name": choice.name}
    elif choice is not None:
        told = {"type": _CHOICES[choice]}
    if in_parallel is not None and choice is not Calling.NONE:
        told["disable_parallel_tool_use"] = not in_parallel
    return told


def _output(conversation: Conversation) -> dict[str, Any]:
    output = conversation.output
    if output is None or output.format is not Format.SCHEMA or not output.schema:
        return {}
    return {"format": {"type": "json_schema", "schema": msgspec.Raw(output.schema.encode())}}
