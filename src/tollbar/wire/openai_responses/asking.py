"""A conversation as a Responses request, for callers who speak another dialect.

Nothing is kept at the provider (`store` is false). A thought goes out where it has the provider's proof; what this API
has no place for is left out and told, and content of a kind that nobody here knows is refused.
"""

from collections.abc import Iterable, Iterator
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
from tollbar.wire.thinking import effort_of
from tollbar.wire.writing import encoded

_FORMATS = {Format.TEXT: "text", Format.JSON: "json_object", Format.SCHEMA: "json_schema"}


def asking(request: CompletionRequest, model: str) -> Asked:
    """What asks a provider's `model`; raises what reading the conversation raises, or InvalidValue."""
    conversation = request.source.expand()
    _refuse(request, conversation)
    instructions, messages = _split(conversation.messages)
    effort = _effort(conversation)
    thinks = effort not in (None, "none") or any(_parts_of(conversation, ThinkingPart))
    told: dict[str, Any] = {
        "model": model,
        "instructions": instructions,
        "input": [item for index, message in enumerate(messages) for item in _items(message, index)],
        "temperature": conversation.sampling.temperature,
        "top_p": conversation.sampling.top_p,
        "max_output_tokens": request.max_tokens,
        "tools": [_tool(tool) for tool in conversation.tools] or None,
        "tool_choice": _choice(conversation.tool_choice),
        "parallel_tool_calls": conversation.calls_in_parallel,
        "text": _format(conversation.output),
        "reasoning": _present({"effort": effort, "summary": "auto" if thinks else None}) or None,
        "include": ["reasoning.encrypted_content"] if thinks else None,
        "user": request.user,
        "store": False,
        "stream": True if request.stream else None,
    }
    return Asked(encoded(_present(told)), (*conversation.unmodelled, *_dropped(conversation)))


def _refuse(request: CompletionRequest, conversation: Conversation) -> None:
    """What the API has no word for and would change the answer."""
    if request.choices != 1:
        raise InvalidValue("'n' must be 1 for this model's provider, which gives one answer.", field="n")
    if conversation.sampling.stop:
        raise InvalidValue("'stop' cannot be sent to this model's provider.", field="stop")


def _effort(conversation: Conversation) -> str | None:
    if conversation.effort is None and conversation.thinking_tokens is not None:
        return effort_of(conversation.thinking_tokens)
    return conversation.effort


def _parts_of(conversation: Conversation, kind: type[Part]) -> Iterator[Part]:
    return (part for message in conversation.messages for part in message.parts if isinstance(part, kind))


def _dropped(conversation: Conversation) -> Iterator[str]:
    for name in ("top_k", "frequency_penalty", "presence_penalty", "seed"):
        if getattr(conversation.sampling, name) is not None:
            yield name
    if any(isinstance(part, ThinkingPart) and not part.signature for part in _parts_of(conversation, ThinkingPart)):
        yield "thinking"
    if any(isinstance(part, ToolResultPart) and part.is_error for part in _parts_of(conversation, ToolResultPart)):
        yield "is_error"


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _split(messages: tuple[Message, ...]) -> tuple[str | None, tuple[Message, ...]]:
    """The instructions, which a conversation often begins with, and the rest."""
    match messages[:1]:
        case (Message(Role.SYSTEM, (TextPart(text),)),) if text:
            return text, messages[1:]
    return None, messages


def _items(message: Message, index: int) -> Iterator[dict[str, Any]]:
    """The message as items: its words together, its thoughts, calls and results each by themselves, in order."""
    words: list[dict[str, Any]] = []
    role = Role.USER if message.role is Role.TOOL else message.role
    is_said = False
    for part in message.parts:
        item = _item(part, index)
        if item is None and not isinstance(part, ThinkingPart):
            words.append(_content(part, role, index))
            continue
        if words:
            yield {"type": "message", "role": role, "content": words}
            words = []
        if item is not None:
            yield item
        is_said = True
    if words or not is_said:
        yield {"type": "message", "role": role, "content": words}


def _item(part: Part, index: int) -> dict[str, Any] | None:
    """The item that a part is by itself; None for words, and for a thought that nobody can vouch for."""
    match part:
        case ThinkingPart(text, str(signature)):
            summary = [{"type": "summary_text", "text": text}] if text else []
            return {"type": "reasoning", "summary": summary, "encrypted_content": signature}
        case ToolCallPart(call_id, name, arguments, signature):
            item = {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
            return {**item, "extra_content": {"google": {"thought_signature": signature}}} if signature else item
        case ToolResultPart(call_id, parts):
            return {"type": "function_call_output", "call_id": call_id, "output": _output(parts, index)}
    return None


def _output(parts: Iterable[Part], index: int) -> str | list[dict[str, Any]]:
    match tuple(parts):
        case (TextPart(text),):
            return text
        case found:
            return [_content(part, Role.USER, index) for part in found]


def _content(part: Part, role: Role, index: int) -> dict[str, Any]:
    match part:
        case TextPart(text):
            return {"type": "output_text" if role is Role.ASSISTANT else "input_text", "text": text}
        case RefusalPart(text):
            return {"type": "refusal", "refusal": text}
        case ImagePart(source, detail):
            return _present({"type": "input_image", "image_url": _url(source), "detail": detail})
        case AudioPart(data, format_):
            return {"type": "input_audio", "input_audio": {"data": data, "format": format_}}
        case FilePart(Upload(file_id), name):
            return _present({"type": "input_file", "file_id": file_id, "filename": name})
        case FilePart(Link(url), name):
            return _present({"type": "input_file", "file_url": url, "filename": name})
        case FilePart(Inline(media_type) as source, name):
            named = name or usual_name(media_type)
            return {"type": "input_file", "file_data": _url(source), "filename": named}
        case _:
            kind = getattr(part, "kind", type(part).__name__)
            field = f"messages[{index}].content"
            raise InvalidValue(f"{field!r} holds {kind!r}, which this model's provider cannot be sent.", field=field)


def _url(source: Link | Inline) -> str:
    return source.url if isinstance(source, Link) else f"data:{source.media_type};base64,{source.data}"


def _tool(tool: Tool) -> dict[str, Any]:
    """A function; unlike the chat API this one is strict by itself, so it is told what nobody said."""
    function = {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": _raw(tool.parameters),
    }
    return {**_present(function), "strict": tool.is_strict is True}


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def _choice(choice: ToolChoice | None) -> object:
    return {"type": "function", "name": choice.name} if isinstance(choice, NamedTool) else choice


def _format(output: OutputFormat | None) -> dict[str, Any] | None:
    if output is None:
        return None
    told: dict[str, Any] = {"type": _FORMATS[output.format]}
    if output.format is Format.SCHEMA:
        told |= _present(
            {
                "name": output.name,
                "schema": _raw(output.schema),
                "description": output.description,
                "strict": output.is_strict,
            }
        )
    return {"format": told}
