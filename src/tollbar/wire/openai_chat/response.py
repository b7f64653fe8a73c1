"""OpenAI's chat completion answers, whole and streamed, written from events that no relay could pass through."""

from collections.abc import Mapping, Sequence

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import (
    Cited,
    Dropped,
    Finished,
    FinishReason,
    Frames,
    Refused,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.fold import Answer, fold
from tollbar.domain.messages import Citation, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from tollbar.domain.usage import Usage, merge
from tollbar.wire import sse
from tollbar.wire.dialect import Relayed, Stamp
from tollbar.wire.writing import encoded


class ChunkEncoder:
    """Writes a stream of `chat.completion.chunk` objects."""

    def __init__(self, request: CompletionRequest, stamp: Stamp) -> None:
        self._wants_usage = request.wants_usage
        self._head: dict[str, object] = {**_head(stamp), "object": "chat.completion.chunk"}
        self._model = request.model
        self._opened: set[int] = set()
        self._usage: Usage | None = None
        self._thoughts: dict[int, list[str]] = {}
        self._proofs = 0

    @classmethod
    def resumed(cls, request: CompletionRequest, stamp: Stamp, relayed: Relayed) -> "ChunkEncoder":
        """Goes on where a relay stopped, under the name and in the words of the provider's chunks."""
        encoder = cls(request, stamp)
        encoder._opened.update(range(request.choices))
        last = relayed.event
        encoder._head |= {name: last[name] for name in ("id", "created", "model") if name in last}
        encoder._model = str(encoder._head.pop("model", request.model))
        return encoder

    def encode(self, event: StreamEvent) -> bytes:
        """The chunk that tells of one event."""
        match event:
            case Started():
                self._model = event.model or self._model
                return b""
            case Text():
                return self._said(event.choice, {"content": event.text})
            case Thinking():
                return self._thought(event)
            case Refused():
                return self._said(event.choice, {"refusal": event.text})
            case ToolCalled(index):
                return self._said(event.choice, {"tool_calls": [{"index": index, **_begun(event)}]})
            case ToolArguments(index, text):
                call = {"index": index, "function": {"arguments": text}}
                return self._said(event.choice, {"tool_calls": [call]})
            case Finished():
                return self._opening(event.choice) + self._chunk(event.choice, {}, told_reason(event.reason))
            case UsageSeen():
                self._usage = merge(self._usage or Usage(), event.usage)
                return b""
            case Cited(citation):
                return self._said(event.choice, {"annotations": [_annotation(citation)]})
            case Dropped():
                return b""
            case Frames():
                return event.raw

    def end(self) -> bytes:
        """The usage report, if the caller asked for one, and the end mark."""
        if not (self._wants_usage and self._usage):
            return b"data: [DONE]\n\n"
        report = {**self._head, "model": self._model, "choices": [], "usage": usage_object(self._usage)}
        return sse.event(encoded(report)) + b"data: [DONE]\n\n"

    def _thought(self, event: Thinking) -> bytes:
        """A piece of thoughts; with their proof all of them once more, to be sent back in one piece."""
        said: dict[str, object] = {"reasoning_content": event.text} if event.text else {}
        if event.text:
            self._thoughts.setdefault(event.choice, []).append(event.text)
        if event.signature:
            text = "" if event.is_redacted else "".join(self._thoughts.pop(event.choice, ()))
            said["reasoning_details"] = [_proven(ThinkingPart(text, event.signature, event.is_redacted), self._proofs)]
            self._proofs += 1
        return self._said(event.choice, said) if said else b""

    def _said(self, choice: int, delta: Mapping[str, object]) -> bytes:
        return self._opening(choice) + self._chunk(choice, delta, None)

    def _opening(self, choice: int) -> bytes:
        if choice in self._opened:
            return b""
        self._opened.add(choice)
        return self._chunk(choice, {"role": "assistant", "content": ""}, None)

    def _chunk(self, choice: int, delta: Mapping[str, object], reason: str | None) -> bytes:
        entry = {"index": choice, "delta": delta, "logprobs": None, "finish_reason": reason}
        chunk = {**self._head, "model": self._model, "choices": [entry]}
        if self._wants_usage:
            chunk["usage"] = None
        return sse.event(encoded(chunk))


def encode(request: CompletionRequest, events: Sequence[StreamEvent], stamp: Stamp) -> bytes:
    """One `chat.completion` document that holds a complete answer."""
    for event in events:
        if isinstance(event, Frames):
            return event.raw
    completion = fold(events)
    choices = [
        {
            "index": answer.index,
            "message": _message(answer),
            "logprobs": None,
            "finish_reason": told_reason(answer.reason),
        }
        for answer in completion.answers
    ]
    head = {**_head(stamp), "object": "chat.completion", "model": completion.model or request.model}
    return encoded({**head, "choices": choices, "usage": usage_object(completion.usage)})


def _message(answer: Answer) -> dict[str, object]:
    calls = [tool_call(part) for part in answer.parts if isinstance(part, ToolCallPart)]
    thoughts = "".join(part.text for part in answer.parts if isinstance(part, ThinkingPart))
    refusal = "".join(part.text for part in answer.parts if isinstance(part, RefusalPart))
    content = answer.text or (None if calls or refusal else "")
    message: dict[str, object] = {"role": "assistant", "content": content, "refusal": refusal or None}
    if thoughts:
        message["reasoning_content"] = thoughts
    proven = [part for part in answer.parts if isinstance(part, ThinkingPart) and part.signature]
    if proven:
        message["reasoning_details"] = [_proven(part, index) for index, part in enumerate(proven)]
    if cited := [citation for part in answer.parts if isinstance(part, TextPart) for citation in part.citations]:
        message["annotations"] = list(map(_annotation, cited))
    if calls:
        message["tool_calls"] = calls
    return message


def told_reason(reason: FinishReason | None) -> FinishReason | None:
    """OpenAI's word for why an answer ended."""
    return FinishReason.STOP if reason is FinishReason.CANCELLED else reason


def _proven(part: ThinkingPart, index: int) -> dict[str, object]:
    """Thoughts with their proof, in the shape that OpenRouter gave them: OpenAI itself has none."""
    if part.is_redacted:
        return {"type": "reasoning.encrypted", "data": part.signature, "index": index}
    return {"type": "reasoning.text", "text": part.text, "signature": part.signature, "index": index}


def _annotation(citation: Citation) -> dict[str, object]:
    """OpenAI's `url_citation`; what has no address is named by its title alone."""
    told = {
        "start_index": citation.start,
        "end_index": citation.end,
        "url": citation.url,
        "title": citation.title,
    }
    return {"type": "url_citation", "url_citation": {name: value for name, value in told.items() if value is not None}}


def _begun(event: ToolCalled) -> dict[str, object]:
    return tool_call(ToolCallPart(event.id, event.name, "", event.signature or None))


def tool_call(part: ToolCallPart) -> dict[str, object]:
    """A tool call; a signature stands where Google's own OpenAI-compatible endpoint puts and expects it."""
    function = {"name": part.name, "arguments": part.arguments}
    told: dict[str, object] = {"id": part.id, "type": "function", "function": function}
    return {**told, "extra_content": {"google": {"thought_signature": part.signature}}} if part.signature else told


def _head(stamp: Stamp) -> dict[str, object]:
    return {"id": f"chatcmpl-{stamp.request_id}", "created": stamp.created}


def usage_object(usage: Usage) -> dict[str, object]:
    """OpenAI's `usage` object."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_read_tokens,
            "audio_tokens": usage.audio_prompt_tokens,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": usage.audio_completion_tokens,
        },
    }
