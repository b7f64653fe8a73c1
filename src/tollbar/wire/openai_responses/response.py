"""Responses answers, whole and streamed, written from events that no relay could pass through."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import Dropped, Finished, FinishReason, Frames, Started, StreamEvent, UsageSeen
from tollbar.domain.usage import Usage, merge
from tollbar.wire import sse
from tollbar.wire.dialect import Relayed, Stamp
from tollbar.wire.openai_responses.output import Output, Step
from tollbar.wire.writing import encoded

_DEFAULTS: Mapping[str, object] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""What a response says where its request said nothing."""
_ID = re.compile(rb'"id" ?: ?"(resp_[^"\\]+)"')
_SILENT = Dropped | Finished | Frames | Started | UsageSeen
_REASONS = {
    FinishReason.LENGTH: "max_output_tokens",
    FinishReason.CONTENT_FILTER: "content_filter",
    FinishReason.CANCELLED: "cancelled",
}


class EventEncoder:
    """Writes the events of one streamed answer, each with its number."""

    def __init__(self, request: CompletionRequest, stamp: Stamp) -> None:
        self._answer = _Response(request, stamp)
        self._output = Output(stamp.request_id)
        self._number = 0
        self._has_begun = False

    @classmethod
    def resumed(cls, request: CompletionRequest, stamp: Stamp, relayed: Relayed) -> "EventEncoder":
        """Goes on where a relay stopped, with the provider's response and the next number; its items are not kept."""
        encoder = cls(request, stamp)
        encoder._has_begun = True
        begun, number = _ID.search(relayed.first), relayed.event.get("sequence_number")
        if begun is not None:
            encoder._answer.name(begun[1].decode())
        encoder._number = number + 1 if isinstance(number, int) else 0
        return encoder

    def encode(self, event: StreamEvent) -> bytes:
        """The events that tell of one of ours."""
        if isinstance(event, Frames):
            return event.raw
        self._answer.note(event)
        if isinstance(event, Dropped):
            return b""
        steps = self._begin()
        if not isinstance(event, _SILENT) and event.choice == 0:
            steps += self._output.told(event)
        elif isinstance(event, Finished) and event.choice == 0:
            steps += self._output.closed(self._answer.status)
        return self._written(steps)

    def end(self) -> bytes:
        """What remains open, and the whole response."""
        status = self._answer.status
        steps = [*self._begin(), *self._output.closed(status)]
        last = {"type": f"response.{status}", "response": self._answer.written(status, _ordered(self._output))}
        return self._written([*steps, last])

    def _begin(self) -> list[Step]:
        if self._has_begun:
            return []
        self._has_begun = True
        response = self._answer.written("in_progress", [])
        return [{"type": f"response.{name}", "response": response} for name in ("created", "in_progress")]

    def _written(self, steps: Iterable[Step]) -> bytes:
        pieces: list[bytes] = []
        for step in steps:
            kind = step.pop("type")
            told = {"type": kind, "sequence_number": self._number, **step}
            self._number += 1
            pieces.append(b"event: %b\n%b" % (kind.encode(), sse.event(encoded(told))))
        return b"".join(pieces)


def encode(request: CompletionRequest, events: Sequence[StreamEvent], stamp: Stamp) -> bytes:
    """One `response` document that holds a complete answer."""
    answer = _Response(request, stamp)
    output = Output(stamp.request_id)
    for event in events:
        if isinstance(event, Frames):
            return event.raw
        answer.note(event)
        if not isinstance(event, _SILENT) and event.choice == 0:
            for _ in output.told(event):
                pass
    for _ in output.closed(answer.status):
        pass
    return encoded(answer.written(answer.status, _ordered(output)))


def _ordered(output: Output) -> list[dict[str, Any]]:
    return [output.items[place] for place in sorted(output.items)]


class _Response:
    """The response object: what it repeats of the request, and what is known of the answer so far."""

    def __init__(self, request: CompletionRequest, stamp: Stamp) -> None:
        self._echoed = {name: msgspec.Raw(value) for name, value in request.echoed.items() if value != b"null"}
        self._head = {"id": f"resp_{stamp.request_id}", "object": "response", "created_at": stamp.created}
        self._model = request.model
        self._usage: Usage | None = None
        self._reason: FinishReason | None = None

    def name(self, response_id: str) -> None:
        """Says that the response is one that a provider began."""
        self._head["id"] = response_id

    @property
    def status(self) -> str:
        """How the answer ended, as far as it is known."""
        return "incomplete" if self._reason in _REASONS else "completed"

    def note(self, event: StreamEvent) -> None:
        """Keeps what an event says of the answer as a whole."""
        match event:
            case Started(_, model):
                self._model = model or self._model
            case UsageSeen(usage):
                self._usage = merge(self._usage or Usage(), usage)
            case Finished(reason, 0):
                self._reason = reason

    def written(self, status: str, output: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The object, its answer in this state."""
        why = _REASONS.get(self._reason) if self._reason is not None and status == "incomplete" else None
        return {
            **self._head,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": {"reason": why} if why else None,
            "model": self._model,
            "output": output,
            "previous_response_id": None,
            "store": False,
            "usage": usage_object(self._usage) if self._usage is not None and status != "in_progress" else None,
            **_DEFAULTS,
            **self._echoed,
        }


def usage_object(usage: Usage) -> dict[str, object]:
    """The `usage` of a response."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_read_tokens,
            "cache_write_tokens": usage.cached_write_tokens,
        },
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
