"""A conversation as Google's `generateContent` request, for callers who speak another dialect.

The opposite of `conversation.expand`: what it reads from these bytes is what they were made of. Instructions stand
apart here, wherever they were said. What this wire has no place for is left out and told; content of a kind that
nobody here knows is refused, because without it the question would be another one.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.conversation import Calling, Conversation, Format, NamedTool, OutputFormat, Tool, ToolChoice
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
from tollbar.wire.gemini.conversation import arguments_object, is_uploaded
from tollbar.wire.gemini.media import audio_type, file_type, image_type
from tollbar.wire.gemini.signature import SKIP
from tollbar.wire.thinking import tokens_of
from tollbar.wire.writing import encoded

_MODES = {Calling.AUTO: "AUTO", Calling.NONE: "NONE", Calling.REQUIRED: "ANY"}
_OLDER = ("gemini-1", "gemini-2")
"""Models that count the tokens of their thoughts and know no levels, nor ask for proofs of earlier calls."""
_LEVELS = {"none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH"}


def asking(request: CompletionRequest, model: str) -> Asked:
    """What asks a provider's `model`; raises what reading the conversation raises, or InvalidValue."""
    conversation = request.source.expand()
    is_older = model.rpartition("/")[2].startswith(_OLDER)
    system = [part for message in conversation.messages if message.role is Role.SYSTEM for part in message.parts]
    contents = _Writing(conversation, needs_proof=not is_older)
    told: dict[str, Any] = {
        "contents": contents.contents(),
        "systemInstruction": {"parts": [contents.part(part, "system") for part in system]} if system else None,
        "tools": [{"functionDeclarations": list(map(_tool, conversation.tools))}] if conversation.tools else None,
        "toolConfig": _choice(conversation.tool_choice),
        "generationConfig": _config(request, conversation, is_older) or None,
    }
    return Asked(encoded(_present(told)), (*conversation.unmodelled, *_dropped(request, conversation)))


def _dropped(request: CompletionRequest, conversation: Conversation) -> Iterator[str]:
    parts = [part for message in conversation.messages for part in message.parts]
    if request.user is not None:
        yield "user"
    if conversation.calls_in_parallel is False:
        yield "parallel_tool_calls"
    if any(tool.is_strict for tool in conversation.tools):
        yield "strict"
    if conversation.effort is not None and conversation.effort not in (*_LEVELS, "xhigh", "max"):
        yield "effort"
    if any(isinstance(part, ThinkingPart) and part.is_redacted for part in parts):
        yield "thinking"
    if any(isinstance(part, ImagePart) and part.detail is not None for part in parts):
        yield "detail"
    if any(isinstance(part, FilePart) and part.name is not None for part in parts):
        yield "filename"


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _config(request: CompletionRequest, conversation: Conversation, is_older: bool) -> dict[str, Any]:
    sampling = conversation.sampling
    told = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "frequencyPenalty": sampling.frequency_penalty,
        "presencePenalty": sampling.presence_penalty,
        "seed": sampling.seed,
        "stopSequences": list(sampling.stop) or None,
        "maxOutputTokens": request.max_tokens,
        "candidateCount": request.choices if request.choices != 1 else None,
        "thinkingConfig": _thinking(conversation, is_older),
        **_format(conversation.output),
    }
    return _present(told)


def _thinking(conversation: Conversation, is_older: bool) -> dict[str, Any] | None:
    """Whoever says how long to think is shown the thoughts."""
    effort, tokens = conversation.effort, conversation.thinking_tokens
    if tokens is None and effort is not None and is_older:
        tokens = tokens_of("high" if effort in {"xhigh", "max"} else effort)
    if tokens is not None:
        return {"thinkingBudget": tokens, "includeThoughts": tokens > 0}
    level = _LEVELS.get("high" if effort in {"xhigh", "max"} else effort or "")
    return {"thinkingLevel": level, "includeThoughts": True} if level else None


def _format(output: OutputFormat | None) -> dict[str, Any]:
    if output is None:
        return {}
    if output.format is Format.TEXT:
        return {"responseMimeType": "text/plain"}
    return {"responseMimeType": "application/json", "responseJsonSchema": _raw(output.schema)}


def _tool(tool: Tool) -> dict[str, Any]:
    told = {"name": tool.name, "description": tool.description, "parametersJsonSchema": _raw(tool.parameters)}
    return _present(told)


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def _choice(choice: ToolChoice | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    if isinstance(choice, NamedTool):
        return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [choice.name]}}
    return {"functionCallingConfig": {"mode": _MODES[choice]}}


class _Writing:
    """Writes the contents; `needs_proof` says that the model wants a proof of each call that began a turn."""

    def __init__(self, conversation: Conversation, needs_proof: bool) -> None:
        self._messages = conversation.messages
        self._needs_proof = needs_proof
        self._names: dict[str, str] = {}
        """The tool that each call so far is of, by the call's id: answers here are told by their tool's name."""

    def contents(self) -> list[dict[str, Any]]:
        """All but the instructions. What several tools answer to one turn is one content."""
        told: list[dict[str, Any]] = []
        were_answers = False
        for index, message in enumerate(self._messages):
            if message.role is Role.SYSTEM:
                continue
            parts, is_answer = self._parts(message, index), message.role is Role.TOOL
            if is_answer and were_answers:
                told[-1]["parts"] += parts
            else:
                told.append({"role": "model" if message.role is Role.ASSISTANT else "user", "parts": parts})
            were_answers = is_answer
        return told

    def _parts(self, message: Message, index: int) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        is_first_call = True
        for part in message.parts:
            if isinstance(part, ThinkingPart) and part.is_redacted:
                continue  # another provider's, which alone can read them
            if isinstance(part, ToolCallPart):
                self._names[part.id] = part.name
                proof = part.signature or (SKIP if is_first_call and self._needs_proof else None)
                told.append(_present({"functionCall": _call(part, index), "thoughtSignature": proof}))
                is_first_call = False
            elif isinstance(part, ToolResultPart):
                told.append({"functionResponse": self._answer(part, index)})
            else:
                told.append(self.part(part, f"messages[{index}].content"))
        return told

    def _answer(self, result: ToolResultPart, index: int) -> dict[str, Any]:
        field = f"messages[{index}].content"
        texts = [part.text for part in result.parts if isinstance(part, TextPart)]
        others = [self.part(part, field) for part in result.parts if not isinstance(part, TextPart)]
        key = "error" if result.is_error else "output"
        name = self._names.get(result.call_id, result.call_id)
        response = {key: "\n".join(texts)} if texts or result.is_error else {}
        return {"id": result.call_id, "name": name, "response": response, **({"parts": others} if others else {})}

    def part(self, part: Part, field: str) -> dict[str, Any]:
        """A part that is neither a call nor an answer."""
        match part:
            case TextPart(text) | RefusalPart(text):
                return {"text": text}
            case ThinkingPart(text, signature):
                thought = True if text or signature is None else None
                return _present({"text": text, "thought": thought, "thoughtSignature": signature})
            case ImagePart(Inline(media, data)) | FilePart(Inline(media, data)):
                return {"inlineData": {"mimeType": media, "data": data}}
            case ImagePart(Link(url)):
                return {"fileData": {"mimeType": image_type(url), "fileUri": url}}
            case FilePart(Link(url)):
                return {"fileData": {"mimeType": file_type(url), "fileUri": url}}
            case FilePart(Upload(uri)) if is_uploaded(uri):
                return {"fileData": {"mimeType": file_type(uri), "fileUri": uri}}
            case AudioPart(data, format_):
                return {"inlineData": {"mimeType": audio_type(format_), "data": data}}
        kind = "an uploaded file of another provider" if isinstance(part, FilePart) else getattr(part, "kind", part)
        raise InvalidValue(f"{field!r} holds {str(kind)!r}, which this model's provider cannot be sent.", field=field)


def _call(part: ToolCallPart, index: int) -> dict[str, Any]:
    arguments = arguments_object(part.arguments)
    if arguments is None:
        field = f"messages[{index}].tool_calls"
        message = f"{field!r} calls {part.name[:64]!r} with arguments that are no JSON object, which Google wants."
        raise InvalidValue(message, field=field)
    return {"id": part.id, "name": part.name, "args": _raw(arguments)}
