"""A conversation as Ollama's chat request, for callers who speak another dialect.

The opposite of `conversation.expand_chat`. What this wire has no place for is left out and told (one call at a time,
whether a tool failed, thoughts that only their provider can read); what would make another question of it is refused: a
tool that must be called, several answers at once, pictures that lie elsewhere, sound and documents.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.conversation import Calling, Conversation, Format, NamedTool, Tool
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    ImagePart,
    Inline,
    Message,
    Part,
    RefusalPart,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from tollbar.wire.asked import Asked
from tollbar.wire.thinking import effort_of
from tollbar.wire.writing import encoded

_WITH_LEVELS = "gpt-oss"
"""The models that are told how long to think; all others only whether to."""
_LEVELS = {"minimal": "low", "low": "low", "medium": "medium"}


def asking(request: CompletionRequest, model: str) -> Asked:
    """What asks a provider's `model`; raises what reading the conversation raises, or InvalidValue."""
    if request.choices != 1:
        raise InvalidValue("'n' must be 1: this model's provider gives one answer.", field="n")
    conversation = request.source.expand()
    told: dict[str, Any] = {
        "model": model,
        "messages": list(_messages(conversation)),
        "tools": [_tool(tool) for tool in _offered(conversation)] or None,
        "format": _format(conversation),
        "think": _think(conversation, model),
        "options": _options(request, conversation) or None,
        "stream": request.stream,
    }
    return Asked(encoded(_present(told)), (*conversation.unmodelled, *_dropped(conversation)))


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _options(request: CompletionRequest, conversation: Conversation) -> dict[str, Any]:
    sampling = conversation.sampling
    told = {
        "num_predict": request.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
    }
    return _present(told)


def _offered(conversation: Conversation) -> Sequence[Tool]:
    """The tools that may be called: where none may, none is named."""
    choice = conversation.tool_choice
    if isinstance(choice, NamedTool) or choice is Calling.REQUIRED:
        hint = "Send 'auto' or 'none', or leave it out."
        raise InvalidValue("This model's provider cannot be made to call a tool.", field="tool_choice", hint=hint)
    return () if choice is Calling.NONE else conversation.tools


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": _raw(tool.parameters)}
    return {"type": "function", "function": _present(function)}


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def _format(conversation: Conversation) -> str | msgspec.Raw | None:
    output = conversation.output
    if output is None or output.format is Format.TEXT:
        return None
    return "json" if output.format is Format.JSON else _raw(output.schema) or "json"


def _think(conversation: Conversation, model: str) -> bool | str | None:
    effort = conversation.effort
    if effort is None and conversation.thinking_tokens is not None:
        effort = effort_of(conversation.thinking_tokens)
    if effort is None or effort == "none":
        return None if effort is None else False
    return _LEVELS.get(effort, "high") if _WITH_LEVELS in model.lower() else True


def _dropped(conversation: Conversation) -> Iterator[str]:
    parts = [part for message in conversation.messages for part in message.parts]
    if conversation.calls_in_parallel is False:
        yield "parallel_tool_calls"
    if any(isinstance(part, ThinkingPart) and part.is_redacted for part in parts):
        yield "thinking"
    if any(isinstance(part, ToolResultPart) and part.is_error for part in parts):
        yield "is_error"


def _messages(conversation: Conversation) -> Iterator[dict[str, Any]]:
    names: dict[str, str] = {}
    for index, message in enumerate(conversation.messages):
        for part in message.parts:
            if isinstance(part, ToolCallPart):
                names[part.id] = part.name
        results = [part for part in message.parts if isinstance(part, ToolResultPart)]
        for result in results:
            called = {"tool_name": names.get(result.call_id), "tool_call_id": result.call_id}
            yield _present({"role": "tool", **_content(result.parts, index), **called})
        if len(results) < len(message.parts) or not message.parts:
            yield _message(message, index)


def _message(message: Message, index: int) -> dict[str, Any]:
    """The message without the tools' answers in it, which are messages of their own here."""
    apart = ToolCallPart | ToolResultPart | ThinkingPart
    thoughts = [part.text for part in message.parts if isinstance(part, ThinkingPart) and not part.is_redacted]
    calls = [_call(part, index) for part in message.parts if isinstance(part, ToolCallPart)]
    content = _content([part for part in message.parts if not isinstance(part, apart)], index)
    role = Role.USER if message.role is Role.TOOL else message.role
    return _present({"role": role, **content, "thinking": "".join(thoughts) or None, "tool_calls": calls or None})


def _content(parts: Sequence[Part], index: int) -> dict[str, Any]:
    """Words and pictures, which lie apart here: of their order among each other nothing is told."""
    words: list[str] = []
    images: list[str] = []
    for part in parts:
        match part:
            case TextPart(text) | RefusalPart(text):
                words.append(text)
            case ImagePart(Inline(_, data)):
                images.append(data)
            case _:
                raise _unspoken(part, index)
    return {"content": "\n".join(words), "images": images or None}


def _unspoken(part: Part, index: int) -> InvalidValue:
    field = f"messages[{index}].content"
    if isinstance(part, ImagePart):
        hint = "Send the picture itself, as base64."
        return InvalidValue(f"{field!r} holds the address of a picture.", field=field, hint=hint)
    kind = getattr(part, "kind", type(part).__name__)
    return InvalidValue(f"{field!r} holds {kind!r}, which this model's provider cannot be sent.", field=field)


def _call(part: ToolCallPart, index: int) -> dict[str, Any]:
    """A call of a tool, whose arguments are an object here and not the text of one."""
    text = part.arguments.strip() or "{}"
    try:
        arguments = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        field = f"messages[{index}].tool_calls"
        raise InvalidValue(f"{field!r} has arguments that are no JSON object.", field=field)
    return {"id": part.id, "function": {"name": part.name, "arguments": msgspec.Raw(text.encode())}}
