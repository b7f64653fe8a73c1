"""A conversation as OpenAI's chat completion request, for callers who speak another dialect.

The opposite of `conversation.expand`: what it reads from these bytes is the conversation they were made of. What this
wire has no place for is left out and told (thoughts, `top_k`, whether a tool failed); content of a kind that nobody
here knows is refused, because without it the question would be another one.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.conversation import Conversation, Format, NamedTool, OutputFormat, Tool, ToolChoice
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    AudioPart,
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
from tollbar.wire.asked import Asked
from tollbar.wire.documents import usual_name
from tollbar.wire.openai_chat.response import tool_call
from tollbar.wire.thinking import effort_of
from tollbar.wire.writing import encoded

_FORMATS = {Format.TEXT: "text", Format.JSON: "json_object", Format.SCHEMA: "json_schema"}


LONGEST_USER = 64
"""OpenAI refuses a longer name of a user."""
_WITHOUT_THOUGHT = ("gpt-3.5", "gpt-4", "chatgpt-4o")
"""Models of OpenAI that refuse to be told how long to think."""


def asking(request: CompletionRequest, model: str, ask_usage: bool, limit_name: str = "max_tokens") -> Asked:
    """What asks a provider's `model`; raises what reading the conversation raises, or InvalidValue.

    `limit_name` is what the provider calls the length of an answer: `max_tokens`, which nearly all know, or
    `max_completion_tokens`.
    """
    conversation = request.source.expand()
    sampling = conversation.sampling
    told: dict[str, Any] = {
        "model": model,
        "messages": list(_messages(conversation)),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
        limit_name: request.max_tokens,
        "n": request.choices if request.choices != 1 else None,
        "tools": [_tool(tool) for tool in conversation.tools] or None,
        "tool_choice": _choice(conversation.tool_choice),
        "parallel_tool_calls": conversation.calls_in_parallel,
        "response_format": _format(conversation.output),
        "reasoning_effort": None if model.startswith(_WITHOUT_THOUGHT) else _effort(conversation),
        "user": request.user if len(request.user or "") <= LONGEST_USER else None,
        "stream": True if request.stream else None,
        "stream_options": {"include_usage": True} if ask_usage else None,
    }
    lost = [name for name, value in _unsaid(request, conversation) if value is not None and told[name] is None]
    return Asked(encoded(_present(told)), (*conversation.unmodelled, *lost, *_dropped(conversation)))


def _unsaid(request: CompletionRequest, conversation: Conversation) -> tuple[tuple[str, object], ...]:
    """What the caller wished of what not every model, or not every value, can be told."""
    return ("reasoning_effort", _effort(conversation)), ("user", request.user)


def _effort(conversation: Conversation) -> str | None:
    if conversation.effort is None and conversation.thinking_tokens is not None:
        return effort_of(conversation.thinking_tokens)
    return conversation.effort


def _dropped(conversation: Conversation) -> Iterator[str]:
    parts = [part for message in conversation.messages for part in message.parts]
    if conversation.sampling.top_k is not None:
        yield "top_k"
    if any(isinstance(part, ThinkingPart) for part in parts):
        yield "thinking"
    if any(isinstance(part, ToolResultPart) and part.is_error for part in parts):
        yield "is_error"


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _messages(conversation: Conversation) -> Iterator[dict[str, Any]]:
    pictures: list[Part] = []
    for index, message in enumerate(conversation.messages):
        results = [part for part in message.parts if isinstance(part, ToolResultPart)]
        if pictures and not (results and message.role is Role.TOOL):
            yield {"role": Role.USER, "content": _content(pictures, index)}
            pictures = []
        for result in results:
            texts = [part for part in result.parts if not isinstance(part, ImagePart)]
            pictures += [part for part in result.parts if isinstance(part, ImagePart)]
            yield {"role": "tool", "tool_call_id": result.call_id, "content": _content(texts, index) or ""}
        rest = tuple(part for part in message.parts if not isinstance(part, ToolResultPart))
        if results and rest:
            yield _message(Message(Role.USER, (*pictures, *rest)), index)
            pictures = []
        elif not results:
            yield _message(message, index)
    if pictures:
        yield {"role": Role.USER, "content": _content(pictures, len(conversation.messages) - 1)}


def _message(message: Message, index: int) -> dict[str, Any]:
    """A message that holds no answers of tools, which are messages of their own here."""
    calls = [tool_call(part) for part in message.parts if isinstance(part, ToolCallPart)]
    parts = [part for part in message.parts if not isinstance(part, ToolCallPart | ThinkingPart)]
    content = _content(parts, index) if parts or message.role is not Role.ASSISTANT else None
    told: dict[str, Any] = {"role": message.role, "content": content}
    return {**told, "tool_calls": calls} if calls else told


def _content(parts: Sequence[Part], index: int) -> str | list[dict[str, Any]]:
    if len(parts) == 1 and isinstance(parts[0], TextPart):
        return parts[0].text
    return [_part(part, index) for part in parts]


def _part(part: Part, index: int) -> dict[str, Any]:
    match part:
        case TextPart(text):
            return {"type": "text", "text": text}
        case ImagePart(source, detail):
            return {"type": "image_url", "image_url": _present({"url": _url(source), "detail": detail})}
        case AudioPart(data, format_):
            return {"type": "input_audio", "input_audio": {"data": data, "format": format_}}
        case FilePart(Upload(file_id), name):
            return {"type": "file", "file": _present({"file_id": file_id, "filename": name})}
        case FilePart(Inline(media_type) as source, name):
            return {"type": "file", "file": {"file_data": _url(source), "filename": name or usual_name(media_type)}}
        case FilePart(Link() as source, name):
            return {"type": "file", "file": _present({"file_data": _url(source), "filename": name})}
        case RefusalPart(text):
            return {"type": "refusal", "refusal": text}
        case _:
            kind = getattr(part, "kind", type(part).__name__)
            field = f"messages[{index}].content"
            raise InvalidValue(f"{field!r} holds {kind!r}, which this model's provider cannot be sent.", field=field)


def _url(source: Link | Inline) -> str:
    return source.url if isinstance(source, Link) else f"data:{source.media_type};base64,{source.data}"


def _tool(tool: Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": _raw(tool.parameters),
        "strict": tool.is_strict,
    }
    return {"type": "function", "function": _present(function)}


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def _choice(choice: ToolChoice | None) -> object:
    if isinstance(choice, NamedTool):
        return {"type": "function", "function": {"name": choice.name}}
    return choice


def _format(output: OutputFormat | None) -> dict[str, Any] | None:
    if output is None:
        return None
    told: dict[str, Any] = {"type": _FORMATS[output.format]}
    if output.format is Format.SCHEMA:
        schema = {
            "name": output.name,
            "schema": _raw(output.schema),
            "description": output.description,
            "strict": output.is_strict,
        }
        told["json_schema"] = _present(schema)
    return told
