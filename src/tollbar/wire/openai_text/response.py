"""OpenAI's older completion answers, whole and streamed, written from events that no relay could pass through.

There is a place for words alone: thoughts are left out, a refusal is the text.
"""

from collections.abc import Sequence

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import Finished, FinishReason, Frames, Refused, Started, StreamEvent, Text, UsageSeen
from tollbar.domain.fold import fold
from tollbar.domain.messages import RefusalPart, TextPart
from tollbar.domain.usage import Usage, merge
from tollbar.wire import sse
from tollbar.wire.dialect import Stamp
from tollbar.wire.openai_chat.response import usage_object
from tollbar.wire.writing import encoded


class ChunkEncoder:
    """Writes a stream of `text_completion` objects."""

    def __init__(self, request: CompletionRequest, stamp: Stamp) -> None:
        self._wants_usage = request.wants_usage
        self._head = _head(stamp)
        self._model = request.model
        self._usage: Usage | None = None

    def encode(self, event: StreamEvent) -> bytes:
        """The chunk that tells of one event."""
        match event:
            case Started():
                self._model = event.model or self._model
            case Text(text, choice) | Refused(text, choice):
                return self._chunk([_choice(choice, text, None)])
            case Finished(reason, choice):
                return self._chunk([_choice(choice, "", reason)])
            case UsageSeen():
                self._usage = merge(self._usage or Usage(), event.usage)
            case Frames():
                return event.raw
        return b""

    def end(self) -> bytes:
        """The usage report, if the caller asked for one, and the end mark."""
        if not (self._wants_usage and self._usage):
            return b"data: [DONE]\n\n"
        report = {**self._head, "model": self._model, "choices": [], "usage": usage_object(self._usage)}
        return sse.event(encoded(report)) + b"data: [DONE]\n\n"

    def _chunk(self, choices: list[dict[str, object]]) -> bytes:
        usage = {"usage": None} if self._wants_usage else {}
        return sse.event(encoded({**self._head, "model": self._model, "choices": choices, **usage}))


def encode(request: CompletionRequest, events: Sequence[StreamEvent], stamp: Stamp) -> bytes:
    """One `text_completion` document that holds a complete answer."""
    for event in events:
        if isinstance(event, Frames):
            return event.raw
    completion = fold(events)
    choices = [
        _choice(
            answer.index,
            "".join(part.text for part in answer.parts if isinstance(part, TextPart | RefusalPart)),
            answer.reason or FinishReason.STOP,
        )
        for answer in completion.answers
    ]
    model = completion.model or request.model
    return encoded({**_head(stamp), "model": model, "choices": choices, "usage": usage_object(completion.usage)})


def _choice(index: int, text: str, reason: FinishReason | None) -> dict[str, object]:
    is_known = reason not in (FinishReason.TOOL_CALLS, FinishReason.CANCELLED)
    told = reason if is_known else FinishReason.STOP  # there are no such words here
    return {"text": text, "index": index, "logprobs": None, "finish_reason": told}


def _head(stamp: Stamp) -> dict[str, object]:
    return {"id": f"cmpl-{stamp.request_id}", "object": "text_completion", "created": stamp.created}
