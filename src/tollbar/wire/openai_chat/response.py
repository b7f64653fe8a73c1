"""OpenAI's chat completion answers, whole and streamed, written from events that no relay could pass through."""

from collections.abc import Sequence

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import Finished, Frames, Started, StreamEvent, Text, UsageSeen
from tollbar.domain.usage import Usage, merge
from tollbar.wire import sse
from tollbar.wire.dialect import Stamp
from tollbar.wire.writing import encoded


class ChunkEncoder:
    """Writes a stream of `chat.completion.chunk` objects."""

    def __init__(self, request: CompletionRequest, stamp: Stamp) -> None:
        self._wants_usage = request.wants_usage
        self._head: dict[str, object] = {**_head(stamp), "object": "chat.completion.chunk"}
        self._model = request.model
        self._opened: set[int] = set()
        self._usage: Usage | None = None

    def encode(self, event: StreamEvent) -> bytes:
        """The chunk that tells of one event."""
        match event:
            case Started():
                self._model = event.model
                return b""
            case Text():
                return self._opening(event.choice) + self._chunk(event.choice, {"content": event.text}, None)
            case Finished():
                return self._opening(event.choice) + self._chunk(event.choice, {}, event.reason)
            case UsageSeen():
                self._usage = merge(self._usage or Usage(), event.usage)
                return b""
            case Frames():
                return event.raw

    def end(self) -> bytes:
        """The usage report, if the caller asked for one, and the end mark."""
        if not (self._wants_usage and self._usage):
            return b"data: [DONE]\n\n"
        report = {**self._head, "model": self._model, "choices": [], "usage": usage_object(self._usage)}
        return sse.event(encoded(report)) + b"data: [DONE]\n\n"

    def _opening(self, choice: int) -> bytes:
        if choice in self._opened:
            return b""
        self._opened.add(choice)
        return self._chunk(choice, {"role": "assistant", "content": ""}, None)

    def _chunk(self, choice: int, delta: dict[str, str], reason: str | None) -> bytes:
        entry = {"index": choice, "delta": delta, "logprobs": None, "finish_reason": reason}
        chunk = {**self._head, "model": self._model, "choices": [entry]}
        if self._wants_usage:
            chunk["usage"] = None
        return sse.event(encoded(chunk))


def encode(request: CompletionRequest, events: Sequence[StreamEvent], stamp: Stamp) -> bytes:
    """One `chat.completion` document that holds a complete answer."""
    model = request.model
    usage = Usage()
    texts: dict[int, list[str]] = {}
    reasons: dict[int, str] = {}
    for event in events:
        match event:
            case Started():
                model = event.model
            case Text():
                texts.setdefault(event.choice, []).append(event.text)
            case Finished():
                texts.setdefault(event.choice, [])
                reasons[event.choice] = event.reason
            case UsageSeen():
                usage = merge(usage, event.usage)
            case Frames():
                return event.raw
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": "".join(texts[index]), "refusal": None},
            "logprobs": None,
            "finish_reason": reasons.get(index),
        }
        for index in sorted(texts)
    ]
    head = {**_head(stamp), "object": "chat.completion", "model": model}
    return encoded({**head, "choices": choices, "usage": usage_object(usage)})


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
