"""A conversation as a request of Bedrock's Converse.

What this wire has no place for is left out and told (penalties, a seed, thoughts without their proof); several answers
at once, files that lie elsewhere, and content of a kind that nobody here knows are refused, because without them the
question would be another one. The model stands in the address.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.conversation import Calling, Conversation, Format, NamedTool, Tool
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    Part,
    RefusalPart,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from tollbar.wire.anthropic.blocks import arguments_object
from tollbar.wire.asked import Asked
from tollbar.wire.bedrock import media
from tollbar.wire.bedrock.knobs import Remembers, knobs_of
from tollbar.wire.writing import encoded

_NO_PARAMETERS = msgspec.Raw(b'{"type":"object","properties":{}}')
_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}", re.ASCII)
_Points = Mapping[tuple[int | None, int], dict[str, str]]
_EARLIER = "A tool of earlier turns, not to be called any more."


def asking(request: CompletionRequest, model: str, most_output: int | None = None) -> Asked:
    """What asks a provider's `model`; raises what reading the conversation raises, or InvalidValue.

    `most_output` is the most that the model can answer, where that is known.
    """
    if request.choices != 1:
        raise InvalidValue("'n' must be 1: this model's provider gives one answer.", field="n")
    conversation = request.source.expand()
    knobs = knobs_of(request, conversation, model, most_output)
    user = request.user if request.user and _METADATA.fullmatch(request.user) else None
    points = _points(conversation, knobs.remembers)
    writing = _Writing(conversation.messages, points)
    told: dict[str, Any] = {
        "system": writing.system() or None,
        "messages": writing.turns(),
        "inferenceConfig": knobs.inference or None,
        "toolConfig": _tools(conversation, points),
        "outputConfig": _output(conversation, knobs.effort) or None,
        "additionalModelRequestFields": knobs.fields or None,
        "additionalModelResponseFieldPaths": list(knobs.answers) or None,
        "requestMetadata": {"user": user} if user else None,
    }
    body = encoded({name: value for name, value in told.items() if value is not None})
    unmodelled = conversation.unmodelled
    if points:
        unmodelled = tuple(name for name in unmodelled if name != "cache_control")
    dropped = (*unmodelled, *knobs.dropped, *_dropped(conversation))
    return Asked(body, dropped if user or not request.user else (*dropped, "user"))


def _points(conversation: Conversation, remembers: Remembers) -> _Points:
    """Up to where the model is told to remember, by message and part, or by tool."""
    if remembers is Remembers.NOTHING:
        return {}
    tools_too = remembers is Remembers.TOOLS_TOO
    told = (point for point in conversation.cache_points if tools_too or point.message is not None)
    # What is kept for five minutes is so unasked, and the older models know nothing else.
    return {(point.message, point.part): {"ttl": "1h"} if point.ttl == "1h" else {} for point in told}


def _dropped(conversation: Conversation) -> Iterator[str]:
    sampling, output = conversation.sampling, conversation.output
    for name in ("frequency_penalty", "presence_penalty", "seed"):
        if getattr(sampling, name) is not None:
            yield name
    if conversation.tools and conversation.calls_in_parallel is False:
        yield "parallel_tool_calls"
    if conversation.tool_choice is Calling.NONE and _called(conversation):
        yield "tool_choice"
    if output is not None and (output.format is Format.JSON or (output.format is Format.SCHEMA and not output.schema)):
        yield "response_format"
    parts = [part for message in conversation.messages for part in message.parts]
    if any(isinstance(part, ThinkingPart) and not _is_proven(part) for part in parts):
        yield "thinking"
    if any(isinstance(part, ImagePart) and part.detail not in (None, "auto") for part in parts):
        yield "detail"


def _is_proven(part: ThinkingPart) -> bool:
    """Whether the provider can be sent a thought: with its proof, and what only it can read as the bytes that it is."""
    if not part.signature or not part.is_redacted:
        return bool(part.signature)
    try:
        base64.b64decode(part.signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


class _Writing:
    """Writes what was said; the documents of a request are counted, because each has a name of its own."""

    def __init__(self, messages: Sequence[Message], points: _Points) -> None:
        self._messages = messages
        self._points = points
        self._documents = 0

    def system(self) -> list[dict[str, Any]]:
        """The instructions, wherever they were said."""
        told: list[dict[str, Any]] = []
        for index, message in enumerate(self._messages):
            if message.role is Role.SYSTEM:
                told += self._content(index, self._instruction)
        return told

    def turns(self) -> list[dict[str, Any]]:
        """The turns without the system's, each by one who has not just spoken: answers of tools are the user's."""
        turns: list[dict[str, Any]] = []
        for index, message in enumerate(self._messages):
            if message.role is Role.SYSTEM:
                continue
            role = "assistant" if message.role is Role.ASSISTANT else "user"
            blocks = self._content(index, partial(self._block, field=f"messages[{index}].content"))
            if turns and turns[-1]["role"] == role:
                turns[-1]["content"] += blocks
            elif blocks:
                turns.append({"role": role, "content": blocks})
        return turns

    def _content(self, index: int, write: Callable[[Part], dict[str, Any]]) -> list[dict[str, Any]]:
        """What a message says, with the points up to which it is to be remembered."""
        blocks: list[dict[str, Any]] = []
        for place, part in enumerate(self._messages[index].parts):
            if _is_said(part):
                blocks.append(write(part))
            if blocks and (index, place) in self._points:
                blocks.append(_point(self._points[index, place]))
        return blocks

    def _instruction(self, part: Part) -> dict[str, Any]:
        if isinstance(part, TextPart):
            return {"text": part.text}
        raise _unknown(part, "system")

    def _block(self, part: Part, field: str) -> dict[str, Any]:
        match part:
            case TextPart(text) | RefusalPart(text):
                return {"text": text}
            case ImagePart():
                return media.image(part, field)
            case AudioPart():
                return media.audio(part, field)
            case FilePart():
                self._documents += 1
                return media.document(part, field, self._documents)
            case ThinkingPart(_, signature, True):
                return {"reasoningContent": {"redactedContent": signature}}
            case ThinkingPart(text, signature):
                return {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}
            case ToolCallPart(call_id, name, arguments):
                told = {"toolUseId": _id(call_id), "name": name, "input": arguments_object(arguments)}
                return {"toolUse": told}
            case ToolResultPart(call_id, parts, is_error):
                content = [self._block(inner, field) for inner in parts if inner != TextPart("")]
                answer: dict[str, Any] = {"toolUseId": _id(call_id), "content": content}
                return {"toolResult": {**answer, "status": "error"} if is_error else answer}
        raise _unknown(part, field)


def _point(more: Mapping[str, str]) -> dict[str, Any]:
    return {"cachePoint": {"type": "default", **more}}


def _is_said(part: Part) -> bool:
    if isinstance(part, ThinkingPart):
        return _is_proven(part)
    return part not in (TextPart(""), RefusalPart(""))


def _unknown(part: Part, field: str) -> InvalidValue:
    kind = getattr(part, "kind", type(part).__name__)
    return InvalidValue(f"{field!r} holds {kind!r}, which this model's provider cannot be sent.", field=field)


def _id(call_id: str) -> str:
    """The id of a call as Bedrock takes it: another provider's may be longer, or hold other characters."""
    return call_id if _ID.fullmatch(call_id) else f"call_{sha256(call_id.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _called(conversation: Conversation) -> list[str]:
    """The names of the tools that were called in earlier turns."""
    parts = (part for message in conversation.messages for part in message.parts)
    return list(dict.fromkeys(part.name for part in parts if isinstance(part, ToolCallPart)))


def _tools(conversation: Conversation, points: _Points) -> dict[str, Any] | None:
    """The tools. Who may call none is offered none, but those of earlier turns have to be told again."""
    choice = conversation.tool_choice
    if not conversation.tools or choice is Calling.NONE:
        tools = [Tool(name, _EARLIER) for name in _called(conversation)]
        return {"tools": list(map(_tool, tools))} if tools else None
    offered: list[dict[str, Any]] = []
    for index, tool in enumerate(conversation.tools):
        offered += [_tool(tool), _point(points[None, index])] if (None, index) in points else [_tool(tool)]
    told: dict[str, Any] = {"tools": offered}
    if isinstance(choice, NamedTool):
        told["toolChoice"] = {"tool": {"name": choice.name}}
    elif choice is not None:
        told["toolChoice"] = {"any" if choice is Calling.REQUIRED else "auto": {}}
    return told


def _tool(tool: Tool) -> dict[str, Any]:
    schema = _NO_PARAMETERS if tool.parameters is None else msgspec.Raw(tool.parameters.encode())
    told = {
        "name": tool.name,
        "description": tool.description or None,
        "inputSchema": {"json": schema},
        "strict": True if tool.is_strict else None,
    }
    return {"toolSpec": {name: value for name, value in told.items() if value is not None}}


def _output(conversation: Conversation, effort: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {} if effort is None else {"effort": effort}
    output = conversation.output
    if output is not None and output.format is Format.SCHEMA and output.schema:
        schema = {"schema": output.schema, "name": output.name or None, "description": output.description}
        named = {name: value for name, value in schema.items() if value is not None}
        told["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": named}}
    return told
