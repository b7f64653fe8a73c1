"""The answers of the fake provider in Anthropic's dialect: every script of `upstream_table.py`, told in its events.

What misbehaves does so in the same way: framing, pacing and what is cut off stay as they are.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.upstream_scripts import Script
from tests.upstream_table import PROOF, read, script_of

COUNTED = 17
"""What the fake provider counts, whatever it is asked."""
REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}
KINDS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error"}


def anthropic_script(planned: str | Script | None, model: str, default: str | Script, body: bytes) -> Script:
    """The answer to a request for a message."""
    script = script_of(planned, model, default, replace(read(body), include_usage=True))
    return script if isinstance(planned, Script) else told(script)


def answer_count() -> Script:
    """The answer to a question for a count of tokens."""
    return Script(pieces=(json.dumps({"input_tokens": COUNTED}).encode(),))


def told(script: Script) -> Script:
    """A script of OpenAI's dialect in Anthropic's."""
    whole = b"".join(script.pieces)
    pieces = _stream(script.pieces) if b"data: " in whole else _document(whole, script)
    length = None
    if script.length is not None:
        length = sum(map(len, pieces)) + script.length - len(whole)
    return replace(script, pieces=pieces, length=length)


def _document(whole: bytes, script: Script) -> tuple[bytes, ...]:
    try:
        document = json.loads(whole)
    except ValueError:
        return script.pieces
    if "error" in document:
        fault = document["error"]
        kind = KINDS.get(script.status, "rate_limit_error" if script.status == 429 else "api_error")
        if fault.get("code") == "insufficient_quota":
            kind = "insufficient_quota"
        body = {"type": "error", "error": {"type": kind, "message": fault["message"]}, "request_id": "req_fake"}
        return (json.dumps(body).encode(),)
    choice = document["choices"][0]
    message = choice["message"]
    content = list(_blocks(message))
    more = {name: value for name, value in document.items() if name == "horoscope"}
    usage = {"usage": _usage(document["usage"])} if "usage" in document else {}
    ending = _ending(choice["finish_reason"], choice, bool(message.get("refusal")))
    body = json.dumps({**_message(content), **ending, **usage, **more}).encode()
    return (body[:40], body[40:]) if len(script.pieces) > 1 else (body,)


def _ending(reason: str, choice: dict[str, Any], is_declined: bool) -> dict[str, Any]:
    if is_declined:
        return {"stop_reason": "refusal", "stop_sequence": None}
    stopped = choice.get("stop_reason")
    return {"stop_reason": "stop_sequence" if stopped else REASONS[reason], "stop_sequence": stopped}


def _cited(message: dict[str, Any]) -> list[dict[str, Any]] | None:
    found = [one["url_citation"] for one in message.get("annotations") or ()]
    place = {"type": "web_search_result_location", "cited_text": "", "encrypted_index": "x"}
    return [{**place, "url": one["url"], "title": one["title"]} for one in found] or None


def _blocks(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if message.get("reasoning_content"):
        yield {"type": "thinking", "thinking": message["reasoning_content"], "signature": PROOF}
    if text := message.get("content") or message.get("refusal"):
        yield {"type": "text", "text": text, "citations": _cited(message)}
    for call in message.get("tool_calls") or ():
        function = call["function"]
        yield {**_call(call), "input": json.loads(function["arguments"])}


def _call(call: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": {}}


def _message(content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "msg_fake", "type": "message", "role": "assistant", "model": "fake-1", "content": content}


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    if details := usage.get("prompt_tokens_details"):
        read, written = details["cached_tokens"], details["cache_write_tokens"]
        cached = {"cache_read_input_tokens": read, "cache_creation_input_tokens": written}
        rest = usage["prompt_tokens"] - read - written
        return {"input_tokens": rest, **cached, "output_tokens": usage["completion_tokens"]}
    return {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}


@dataclass(slots=True)
class _Telling:
    """A stream under way: which block is open, and what the end will say of usage."""

    usage: dict[str, Any] | None
    index: int = -1
    kind: str = ""
    is_declined: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)

    def open(self, kind: str, block: dict[str, Any]) -> None:
        """Begins a block."""
        self.close()
        self.index, self.kind = self.index + 1, kind
        self.events.append({"type": "content_block_start", "index": self.index, "content_block": block})

    def close(self) -> None:
        """Ends the block that is open."""
        if self.kind == "thinking":
            self.delta({"type": "signature_delta", "signature": PROOF})
        if self.kind:
            self.events.append({"type": "content_block_stop", "index": self.index})
        self.kind = ""

    def delta(self, delta: dict[str, Any]) -> None:
        """A piece of the block that is open."""
        self.events.append({"type": "content_block_delta", "index": self.index, "delta": delta})

    def hear(self, chunk: dict[str, Any]) -> None:
        """Tells one chunk of OpenAI's."""
        if "error" in chunk:
            fault = {"type": "overloaded_error", "message": chunk["error"]["message"]}
            self.events.append({"type": "error", "error": fault})
            return
        for choice in chunk["choices"]:
            if choice["index"] == 0:
                self._said(choice["delta"], choice)
        if chunk.get("horoscope"):
            self.events.append({"type": "horoscope", "delta": chunk["horoscope"]})

    def _said(self, said: dict[str, Any], choice: dict[str, Any]) -> None:
        reason = choice["finish_reason"]
        if "role" in said:
            usage = {"usage": {**self.usage, "output_tokens": 1}} if self.usage else {}
            message = {**_message([]), "stop_reason": None, "stop_sequence": None, **usage}
            self.events += [{"type": "message_start", "message": message}, {"type": "ping"}]
        if said.get("reasoning_content"):
            self.open("thinking", {"type": "thinking", "thinking": "", "signature": ""})
            self.delta({"type": "thinking_delta", "thinking": said["reasoning_content"]})
        self.is_declined |= bool(said.get("refusal"))
        if text := said.get("content") or said.get("refusal"):
            if self.kind != "text":
                self.open("text", {"type": "text", "text": ""})
            self.delta({"type": "text_delta", "text": text})
            for citation in _cited(said) or ():
                self.delta({"type": "citations_delta", "citation": citation})
        for call in said.get("tool_calls") or ():
            if "id" in call:
                self.open("tool", _call(call))
            if arguments := call["function"].get("arguments"):
                self.delta({"type": "input_json_delta", "partial_json": arguments})
        if reason is not None:
            self.close()
            delta = _ending(reason, choice, self.is_declined)
            usage = {"usage": {"output_tokens": self.usage["output_tokens"]}} if self.usage else {}
            self.events.append({"type": "message_delta", "delta": delta, **usage})


def _stream(pieces: tuple[bytes, ...]) -> tuple[bytes, ...]:
    reports = [chunk["usage"] for piece in pieces for chunk in _chunks(piece) if chunk and chunk.get("usage")]
    telling = _Telling(_usage(reports[-1]) if reports else None)
    return tuple(_piece(piece, telling) for piece in pieces)


def _chunks(piece: bytes) -> Iterator[dict[str, Any] | None]:
    """The chunks in a piece; None for what is none."""
    for frame in piece.replace(b"\r\n", b"\n").split(b"\n\n"):
        try:
            yield json.loads(frame.removeprefix(b"data: ")) if frame.startswith(b"data: {") else None
        except ValueError:
            yield None


def _piece(piece: bytes, telling: _Telling) -> bytes:
    made = b""
    ending = b"\r\n" if b"\r\n" in piece else b"\n"
    frames = piece.split(ending * 2)
    for number, (frame, chunk) in enumerate(zip(frames, _chunks(piece), strict=True)):
        if chunk is not None:
            telling.events.clear()
            telling.hear(chunk)
            made += b"".join(_event(event, ending) for event in telling.events)
        elif frame == b"data: [DONE]":
            made += _event({"type": "message_stop"}, ending)
        elif frame:
            made += frame + (ending * 2 if number + 1 < len(frames) else b"")
    return made


def _event(event: dict[str, Any], ending: bytes) -> bytes:
    return ending.join([b"event: " + event["type"].encode(), b"data: " + json.dumps(event).encode(), b"", b""])
