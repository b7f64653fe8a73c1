"""The items of a Responses answer, built from events, and the stream's events that tell of each step.

One builder serves streams and documents, so that both say the same. Thoughts, words and calls are items of their own:
another kind ends the thoughts or words before it, while calls stay open until the end, because the arguments of
parallel ones may arrive in turns.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tollbar.domain.events import Cited, Refused, StreamEvent, Text, Thinking, ToolArguments, ToolCalled
from tollbar.domain.messages import Citation

Step = dict[str, Any]


@dataclass(slots=True)
class _Begun:
    """An item that is being told: its place, what is known of it so far, and the pieces of its last part."""

    index: int
    item: dict[str, Any]
    pieces: list[str] = field(default_factory=list)


class Output:
    """The items of one answer. What it yields are stream events without their sequence numbers."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._count = 0
        self._open: _Begun | None = None
        self._calls: dict[int, _Begun] = {}
        self.items: dict[int, dict[str, Any]] = {}
        """The items that are complete, by their place."""

    def told(self, event: StreamEvent) -> Iterator[Step]:
        """The steps that tell of one event."""
        match event:
            case Thinking():
                yield from self._thought(event)
            case Text(text):
                yield from self._said("output_text", text)
            case Refused(text):
                yield from self._said("refusal", text)
            case Cited(citation):
                yield from self._cited(citation)
            case ToolCalled():
                yield from self._called(event)
            case ToolArguments(index, text) if index in self._calls:
                call = self._calls[index]
                call.pieces.append(text)
                yield {"type": "response.function_call_arguments.delta", **_place(call), "delta": text}

    def closed(self, status: str = "completed") -> Iterator[Step]:
        """The steps that end whatever is open."""
        yield from self._close(status)
        for call in self._calls.values():
            arguments = "".join(call.pieces)
            call.item |= {"arguments": arguments, "status": status}
            yield {
                "type": "response.function_call_arguments.done",
                **_place(call),
                "name": call.item["name"],
                "arguments": arguments,
            }
            yield self._done(call)
        self._calls = {}

    def _thought(self, event: Thinking) -> Iterator[Step]:
        said = self._open.pieces if self._open is not None and self._open.item["type"] == "reasoning" else None
        if said is None or (said and event.is_redacted):
            yield from self._begin({"type": "reasoning", "summary": []}, "rs")
        if self._open is None:
            return
        if event.text:
            place = {**_place(self._open), "summary_index": 0}
            if not self._open.pieces:
                part = {"type": "summary_text", "text": ""}
                yield {"type": "response.reasoning_summary_part.added", **place, "part": part}
            self._open.pieces.append(event.text)
            yield {"type": "response.reasoning_summary_text.delta", **place, "delta": event.text}
        if event.signature:
            self._open.item["encrypted_content"] = event.signature
            yield from self._close("completed")

    def _said(self, kind: str, text: str) -> Iterator[Step]:
        if self._open is None or self._open.item["type"] != "message":
            yield from self._begin({"type": "message", "role": "assistant", "content": []}, "msg")
        if self._open is None:
            return
        parts = self._open.item["content"]
        if not parts or parts[-1]["type"] != kind:
            yield from self._end_part()
            parts.append(_part(kind, ""))
            yield {"type": "response.content_part.added", **self._part_place(), "part": _part(kind, "")}
        self._open.pieces.append(text)
        step = {"type": f"response.{kind}.delta", **self._part_place(), "delta": text}
        yield {**step, "logprobs": []} if kind == "output_text" else step

    def _cited(self, citation: Citation) -> Iterator[Step]:
        if self._open is None or not self._open.item.get("content"):
            yield from self._said("output_text", "")
        if self._open is None or self._open.item["content"][-1]["type"] != "output_text":
            return
        annotations = self._open.item["content"][-1]["annotations"]
        size = sum(map(len, self._open.pieces))
        annotations.append(annotation(citation, size))
        yield {
            "type": "response.output_text.annotation.added",
            **self._part_place(),
            "annotation_index": len(annotations) - 1,
            "annotation": annotations[-1],
        }

    def _called(self, event: ToolCalled) -> Iterator[Step]:
        yield from self._close("completed")
        item: dict[str, Any] = {"type": "function_call", "call_id": event.id, "name": event.name, "arguments": ""}
        if event.signature:
            item["extra_content"] = {"google": {"thought_signature": event.signature}}
        call = _Begun(self._count, {"id": f"fc_{self._mark}_{self._count}", "status": "in_progress", **item})
        self._count += 1
        self._calls[event.index] = call
        yield {"type": "response.output_item.added", "output_index": call.index, "item": dict(call.item)}

    def _begin(self, item: dict[str, Any], kind: str) -> Iterator[Step]:
        yield from self._close("completed")
        self._open = _Begun(self._count, {"id": f"{kind}_{self._mark}_{self._count}", "status": "in_progress", **item})
        self._count += 1
        told = {name: list(value) if isinstance(value, list) else value for name, value in self._open.item.items()}
        yield {"type": "response.output_item.added", "output_index": self._open.index, "item": told}

    def _end_part(self) -> Iterator[Step]:
        """The steps that end the part of the words, or the summary of the thoughts, that is being said."""
        if self._open is None or not (self._open.pieces or self._open.item.get("content")):
            return
        text = "".join(self._open.pieces)
        self._open.pieces = []
        if self._open.item["type"] == "reasoning":
            place = {**_place(self._open), "summary_index": 0}
            part = {"type": "summary_text", "text": text}
            self._open.item["summary"] = [part]
            yield {"type": "response.reasoning_summary_text.done", **place, "text": text}
            yield {"type": "response.reasoning_summary_part.done", **place, "part": part}
            return
        part = self._open.item["content"][-1]
        kind = part["type"]
        name = "text" if kind == "output_text" else kind
        part[name] = text
        step = {"type": f"response.{kind}.done", **self._part_place(), name: text}
        yield {**step, "logprobs": []} if kind == "output_text" else step
        yield {"type": "response.content_part.done", **self._part_place(), "part": part}

    def _close(self, status: str) -> Iterator[Step]:
        if self._open is not None:
            yield from self._end_part()
            self._open.item["status"] = status
            closing, self._open = self._open, None
            yield self._done(closing)

    def _done(self, closing: _Begun) -> Step:
        self.items[closing.index] = closing.item
        return {"type": "response.output_item.done", "output_index": closing.index, "item": closing.item}

    def _part_place(self) -> dict[str, Any]:
        if self._open is None:
            return {}
        return {**_place(self._open), "content_index": max(0, len(self._open.item["content"]) - 1)}


def _place(one: _Begun) -> dict[str, Any]:
    return {"item_id": one.item["id"], "output_index": one.index}


def _part(kind: str, text: str) -> dict[str, Any]:
    if kind == "refusal":
        return {"type": kind, "refusal": text}
    return {"type": kind, "text": text, "annotations": [], "logprobs": []}


def annotation(citation: Citation, size: int) -> dict[str, Any]:
    """OpenAI's `url_citation`, all of whose members must be there: unknown bounds are those of the text so far."""
    return {
        "type": "url_citation",
        "url": citation.url or "",
        "title": citation.title or "",
        "start_index": citation.start if citation.start is not None else 0,
        "end_index": citation.end if citation.end is not None else size,
    }
