"""The fake provider's answers in Ollama's wire: every script of the table, told in lines.

A script misbehaves in the same way in both wires: its pieces are translated one by one, and how it is framed, paced and
broken off stays as it was. `no-quota`, which Ollama's servers have no word for, is the status of its cloud, 402.
"""

import json
from dataclasses import replace
from typing import Any

from tests.upstream_scripts import PROMPT_TOKENS, Asked, Script
from tests.upstream_table import script_of

DOCUMENT = (("content-type", "application/json"), ("x-request-id", "req_fake"))
LINES = (("content-type", "application/x-ndjson"), ("x-request-id", "req_fake"))
PATHS = ("/api/chat", "/api/generate")


def ollama_script(planned: str | Script | None, path: str, body: bytes, default: str | Script) -> Script:
    """The answer to a request."""
    asked = asked_of(body)
    return told(script_of(planned, asked.model, default, asked), path)


def asked_of(body: bytes) -> Asked:
    """What a request asks for: a stream unless it says otherwise, and always usage."""
    try:
        told = json.loads(body)
        return Asked(str(told.get("model", "")), told.get("stream") is not False, include_usage=True)
    except (ValueError, AttributeError):
        return Asked()


def told(script: Script, path: str) -> Script:
    """The same answer in Ollama's wire."""
    kind = dict(script.headers).get("content-type", "")
    is_stream = kind.startswith("text/event-stream")
    if script.framing == "raw" or not (is_stream or kind == "application/json"):
        return script
    voice = _Voice(path.endswith("/generate"))
    if is_stream:
        pieces = tuple(told for piece in script.pieces if (told := voice.lines(piece)))
    else:
        whole = voice.document(b"".join(script.pieces), script.status)
        half = len(whole) // 2
        pieces = (whole,) if len(script.pieces) == 1 else (whole[:half], whole[half:])
    excess = 0 if script.length is None else script.length - sum(map(len, script.pieces))
    length = None if script.length is None else sum(map(len, pieces)) + excess
    others = [pair for pair in script.headers if pair[0] not in {"content-type", "x-request-id"}]
    headers = (*(LINES if is_stream else DOCUMENT), *others)
    status = 402 if script.status == 429 and b"insufficient_quota" in b"".join(script.pieces) else script.status
    return replace(script, status=status, headers=headers, pieces=pieces, length=length)


class _Voice:
    """Tells one answer; `is_text` says that words stand in `response`."""

    def __init__(self, is_text: bool) -> None:
        self._is_text = is_text
        self._reason: str | None = None
        self._has_ended = False
        self._calls: dict[int, dict[str, Any]] = {}

    def lines(self, piece: bytes) -> bytes:
        """What stands for one piece of a stream, which may hold several frames."""
        return b"".join(self._frame(frame) for frame in piece.replace(b"\r", b"").split(b"\n\n") if frame)

    def document(self, piece: bytes, status: int) -> bytes:
        """What stands for a document, whole or broken."""
        try:
            told = json.loads(piece)
        except ValueError:
            return piece
        if "error" in told:
            return json.dumps({"error": told["error"]["message"]}).encode()
        messages = [choice["message"] for choice in told.get("choices", ())]
        if not messages or status != 200:
            return piece
        words = "".join(message.get("content") or message.get("refusal") or "" for message in messages)
        more: dict[str, Any] = {}
        for message in messages:
            for index, call in enumerate(message.get("tool_calls") or ()):
                self._calls[index] = {"name": call["function"]["name"], "arguments": call["function"]["arguments"]}
            more |= {"thinking": message["reasoning_content"]} if "reasoning_content" in message else {}
        more |= {"tool_calls": self._told_calls()} if self._calls else {}
        return self._line(words, done=True, **more, **self._counts(told.get("usage") or {})).rstrip(b"\n")

    def _frame(self, frame: bytes) -> bytes:
        if not frame.startswith(b"data: "):
            return b"\n"
        if frame == b"data: [DONE]":
            return b"" if self._has_ended or self._reason is None else self._end({})
        try:
            told = json.loads(frame[6:])
        except ValueError:
            return frame[6:] + (b"\n" if frame.endswith(b"}") or b"delta" in frame[-12:] else b"")
        if "error" in told:
            return json.dumps({"error": told["error"]["message"]}).encode() + b"\n"
        lines = b"".join(self._said(choice.get("delta", {})) for choice in told.get("choices", ()))
        for choice in told.get("choices", ()):
            self._reason = choice.get("finish_reason") or self._reason
        return lines + (self._end(told["usage"]) if told.get("usage") and self._reason else b"")

    def _said(self, delta: dict[str, Any]) -> bytes:
        for call in delta.get("tool_calls", ()):
            known = self._calls.setdefault(call["index"], {"name": "", "arguments": ""})
            known["name"] += call["function"].get("name", "")
            known["arguments"] += call["function"].get("arguments", "")
        words = delta.get("content") or delta.get("refusal")
        thoughts = delta.get("reasoning_content")
        if not words and not thoughts:
            return b""
        more = {name: value for name, value in delta.items() if name == "mood"}
        return self._line(words or "", done=False, **({"thinking": thoughts} if thoughts else {}), **more)

    def _end(self, usage: dict[str, Any]) -> bytes:
        self._has_ended = True
        return self._calls_line() + self._line("", done=True, **self._counts(usage))

    def _calls_line(self) -> bytes:
        return self._line("", done=False, tool_calls=self._told_calls()) if self._calls else b""

    def _told_calls(self) -> list[dict[str, Any]]:
        calls = self._calls.values()
        return [{"function": {"name": call["name"], "arguments": json.loads(call["arguments"])}} for call in calls]

    def _counts(self, usage: dict[str, Any]) -> dict[str, Any]:
        counts = {"prompt_eval_count": PROMPT_TOKENS, "eval_count": usage["completion_tokens"]} if usage else {}
        return {"done_reason": "length" if self._reason == "length" else "stop", "total_duration": 5, **counts}

    def _line(self, words: str, done: bool, **more: Any) -> bytes:
        ending = {name: more.pop(name) for name in tuple(more) if name in {"done_reason", "total_duration"}}
        ending |= {name: more.pop(name) for name in tuple(more) if name in {"prompt_eval_count", "eval_count"}}
        said = (
            {"response": words, **more}
            if self._is_text
            else {"message": {"role": "assistant", "content": words, **more}}
        )
        told = {"model": "fake-1", "created_at": "2026-11-20T09:30:00Z", **said, "done": done, **ending}
        return json.dumps(told, separators=(",", ":")).encode() + b"\n"
