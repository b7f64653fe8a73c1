"""The answer of `transformers serve` on its way back: its stream becomes one that keeps to OpenAI's rules.

Its stream has no end mark, gives the report of tokens unasked and in the last chunk, leaves a stop text in the answer,
and tells of a fault in a frame that may be no JSON. Sans-I/O: bytes in, frames out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tollbar.providers.local.transformers.asking import Asked

END = b"data: [DONE]\n\n"

_FAULT = re.compile(r'\{"error": "(.*)"\}', re.DOTALL)


class FailedError(RuntimeError):
    """The server told of a fault in its stream."""


class Cutter:
    """Takes the text before the first of some stop texts; what may be the beginning of one waits."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._longest = max(map(len, stops), default=0)
        self._waiting = ""
        self.is_over = False

    def feed(self, text: str) -> str:
        """What of the text so far is certainly part of the answer, and was not given before."""
        if self.is_over:
            return ""
        if not self._stops:
            return text
        text = self._waiting + text
        found = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if found:
            self.is_over, self._waiting = True, ""
            return text[: min(found)]
        kept = next((size for size in range(min(self._longest - 1, len(text)), 0, -1) if self._begins(text, size)), 0)
        self._waiting = text[len(text) - kept :]
        return text[: len(text) - kept]

    def end(self) -> str:
        """What waited, since nothing more comes."""
        waiting, self._waiting = self._waiting, ""
        return waiting

    def _begins(self, text: str, size: int) -> bool:
        return any(stop.startswith(text[len(text) - size :]) for stop in self._stops)


class Hearing:
    """One answer, heard as it comes: `feed` gives the chunks for the caller, `whole` the document of all of them."""

    def __init__(self, asked: Asked, name: str) -> None:
        self._asked = asked
        self._name = name
        self._rest = b""
        self._cutter = Cutter(asked.stops)
        self._text: dict[str, list[str]] = {}
        self._calls: list[dict[str, Any]] = []
        self._last: dict[str, Any] = {}
        self._usage: dict[str, int] = {}
        self.finish = ""
        """Why the answer ended; empty while it goes on."""

    def feed(self, data: bytes) -> bytes:
        """The frames that some bytes of the server make; raises FailedError."""
        *frames, self._rest = (self._rest + data).split(b"\n\n")
        return b"".join(out for frame in frames if frame for out in self._heard(frame.removeprefix(b"data: ")))

    def whole(self) -> bytes:
        """The document of a plain answer."""
        message: dict[str, Any] = {"role": "assistant", **{name: "".join(text) for name, text in self._text.items()}}
        message.setdefault("content", None if self._calls else "")
        if self._calls:
            message["tool_calls"] = [{key: call[key] for key in call if key != "index"} for call in self._calls]
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        head = {**self._last, "object": "chat.completion"}
        return json.dumps({**head, "choices": [choice], "usage": self._usage}, ensure_ascii=False).encode()

    def _heard(self, frame: bytes) -> Iterator[bytes]:
        chunk = _decoded(frame)
        choice = chunk["choices"][0]
        delta, finish = dict(choice["delta"]), choice.get("finish_reason")
        self._last = {name: chunk[name] for name in ("id", "created", "object")} | {"model": self._name}
        if "content" in delta:
            delta["content"] = self._cutter.feed(delta["content"])
        if delta := {name: value for name, value in delta.items() if value}:
            yield self._told(delta)
        if finish is None:
            return
        if rest := self._cutter.end():
            yield self._told({"content": rest})
        self.finish, self._usage = "stop" if self._cutter.is_over else finish, chunk["usage"]
        yield self._frame([{"index": 0, "delta": {}, "finish_reason": self.finish}])
        if self._asked.wants_usage:
            yield self._frame([], usage=self._usage)
        yield END

    def _told(self, delta: Mapping[str, Any]) -> bytes:
        for name in ("content", "reasoning_content"):
            if name in delta:
                self._text.setdefault(name, []).append(delta[name])
        self._calls += delta.get("tool_calls", ())
        return self._frame([{"index": 0, "delta": delta, "finish_reason": None}])

    def _frame(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        document = {**self._last, "choices": choices, **more}
        return b"data: " + json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def _decoded(frame: bytes) -> Any:
    """A chunk; raises FailedError for a frame that tells of a fault, which may hold anything between its quotes."""
    text = frame.decode("utf-8", "replace")
    if fault := _FAULT.fullmatch(text):
        raise FailedError(fault[1])
    try:
        return json.loads(text)
    except ValueError:
        raise FailedError(f"a frame that is none: {text[:100]}") from None
