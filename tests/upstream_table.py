"""What the fake provider can answer, by name.

| name | answers |
|---|---|
| `ok` | as a good provider would: a document, or a stream when asked; usage in the stream only when asked |
| `chunks:N` | a stream of N pieces of text (5 where no number is given), or a document with as many words |
| `paced:N` | the same, one piece every 20 ms |
| `slices:N` | the same answer, cut into slices of N bytes (default 3) without regard for anything |
| `drip` | the same, byte by byte with 1 ms between |
| `slow-headers:N`, `slow-body:N` | waits N ms (default 200) before the status line, or after the headers |
| `gated:N` | says its first word, or the beginning of a document, and the rest of N words when `up.gate` is open |
| `slow-middle:N` | waits N ms (default 200) after the first piece |
| `no-usage`, `always-usage` | usage never reported, or in a stream although nobody asked |
| `no-done` | a stream without `[DONE]` |
| `no-finish` | a stream that ends cleanly but never says why: a cut |
| `cut:N` | closes after N pieces (default 2), or in the middle of the document, without the end of its framing |
| `cut-mid-frame` | closes in the middle of a frame, after the first piece |
| `cut-clean:N` | ends the HTTP body properly after N pieces: only the content shows the cut |
| `reset` | resets the connection after the first piece, or in the middle of the document |
| `close`, `close-mid-headers` | closes before the first byte of an answer, or within its headers |
| `stall` | never answers |
| `stall-headers`, `stall-middle` | sends the headers, or the first piece as well, and then nothing |
| `garbled` | a frame, or a document, that is no JSON |
| `error-frame`, `early-error-frame` | an error inside the stream, after the first piece or as its only frame |
| `late-error-frame` | the first of them, one piece every 20 ms |
| `huge:N` | one frame, or document, of N MiB (default 20) |
| `html`, `text` | status 200 with a page, or with plain words |
| `document` | a JSON document although a stream was asked for |
| `short-length`, `long-length` | a Content-Length that is 20 bytes too small, or too large |
| `tools`, `two-tools` | one tool call, or two in parallel, arguments in pieces |
| `logprobs`, `two` | log probabilities; two choices, interleaved |
| `unknown`, `surrogates` | fields that do not exist yet; a lone surrogate in the text |
| `comments` | comment lines between the frames, and CRLF line ends |
| `reasoning` | `reasoning_content` before the text, and reasoning tokens in the usage |
| `thoughts` | thoughts as Ollama tells them: `reasoning`, of which no usage is told |
| `stopped` | an answer that a stop sequence ended, `END`, where the wire can tell: as vLLM does in a chat |
| `cached` | usage of which most was read from a cache, and some written to it |
| `cited` | two words that rest on a source with an address |
| `declined` | words for declining, in the wire's own way |
| `woven` | two tool calls whose arguments come in turns |
| `proven` | thoughts with their proof, and the tool call that they led to |
| `empty` | an answer without any text |
| `error-NNN`, `plain-error-NNN` | that status with an OpenAI error (`error-401`, `error-503` …), or with a web page |
| `rate-limited:N` | 429 with `Retry-After: N` (default 1) |
| `no-quota`, `context` | 429 `insufficient_quota`; 400 `context_length_exceeded` with a `param` |
| `redirect` | 307 to somewhere else |

Anything else is an ordinary model name and gets the server's default, `ok`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.upstream_scripts import (
    DOCUMENT,
    STREAM,
    Asked,
    Script,
    counted,
    delta,
    document,
    error,
    frame,
    ok,
    page,
    said,
    stream,
)

MEBIBYTE = 1_048_576
CACHED = (6, 3)
"""How many tokens of the prompt of `cached` were read from a cache, and how many written to one."""
SOURCE = {"url": "https://example.org/a", "title": "A", "start_index": 0, "end_index": 2}
PROOF = "cHJvb2Y="
"""What proves the thoughts of `proven`: base64, as Google's are."""


def script_for(planned: str | Script | None, model: str, default: str | Script, body: bytes) -> Script:
    """The answer to a chat request: what was planned, else what its model's name says, else the default."""
    return script_of(planned, model, default, read(body))


def script_of(planned: str | Script | None, model: str, default: str | Script, asked: Asked) -> Script:
    """The same, of a body that was read."""
    for chosen in (planned, model, default):
        if isinstance(chosen, Script):
            return chosen
        if chosen is None:
            continue
        name, _, number = chosen.partition(":")
        made = _named(name, replace(asked, number=int(number) if number.isdecimal() else None))
        if made is not None:
            return made
    return ok(asked)


def read(body: bytes) -> Asked:
    """What a request body asks for; a body that cannot be read asks for nothing."""
    try:
        document = json.loads(body)
        options = document.get("stream_options") or {}
        return Asked(str(document.get("model", "")), bool(document.get("stream")), bool(options.get("include_usage")))
    except (ValueError, AttributeError):
        return Asked()


def _named(name: str, asked: Asked) -> Script | None:
    if name in SCRIPTS:
        return SCRIPTS[name](asked)
    kind, _, status = name.rpartition("-")
    if status.isdecimal() and kind in {"error", "plain-error"}:
        return error(int(status)) if kind == "error" else page(int(status))
    return None


def _good(asked: Asked) -> Script:
    return ok(asked)


def _pieces(script: Script, count: int) -> tuple[bytes, ...]:
    """The first pieces of a stream; of a document, its first 40 bytes."""
    return script.pieces[:count] if script.framing == "chunked" else (script.pieces[0][:40],)


def _cut(asked: Asked, **changes: Any) -> Script:
    whole = ok(asked)
    length = sum(map(len, whole.pieces))
    return replace(whole, pieces=_pieces(whole, asked.amount(2)), length=length, ending="close", **changes)


def _cut_mid_frame(asked: Asked) -> Script:
    whole = ok(asked)
    pieces = (*_pieces(whole, 2), delta({"content": "never whole"})[:30]) if asked.stream else _pieces(whole, 1)
    return replace(whole, pieces=pieces, length=sum(map(len, whole.pieces)), ending="close")


def _cut_clean(asked: Asked) -> Script:
    whole = ok(asked)
    return replace(whole, pieces=_pieces(whole, asked.amount(2)))


def _stall_middle(asked: Asked) -> Script:
    whole = ok(asked)
    return replace(whole, pieces=_pieces(whole, 2), length=sum(map(len, whole.pieces)), ending="stall")


def _slow_middle(asked: Asked) -> Script:
    whole = ok(asked, 1)
    if asked.stream:
        parts = (b"".join(whole.pieces[:2]), b"".join(whole.pieces[2:]))
    else:
        parts = (whole.pieces[0][:40], whole.pieces[0][40:])
    return replace(whole, pieces=parts, between_seconds=asked.amount(200) / 1000)


def _gated(asked: Asked) -> Script:
    whole = ok(asked, asked.amount(5))
    if asked.stream:
        return replace(whole, gate_after=2)
    return replace(whole, pieces=(whole.pieces[0][:40], whole.pieces[0][40:]), gate_after=1)


def _garbled(asked: Asked) -> Script:
    if not asked.stream:
        return Script(pieces=(b'{"choices": [{"message": ',))
    whole = stream(asked)
    return replace(whole, pieces=(*whole.pieces[:2], b'data: {"choices": [{"delta"\n\n', *whole.pieces[2:]))


def _error_frame(asked: Asked) -> Script:
    fault = {"error": {"message": "The engine fell over.", "type": "server_error", "code": "engine_error"}}
    if not asked.stream:
        return Script(pieces=(json.dumps(fault).encode(),))
    return replace(stream(asked), pieces=(*stream(asked).pieces[:2], _event(fault)))


def _early_error_frame(asked: Asked) -> Script:
    return replace(
        _error_frame(replace(asked, stream=True)), pieces=_error_frame(replace(asked, stream=True)).pieces[2:]
    )


def _event(fields: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def _huge(asked: Asked) -> Script:
    text = "x" * (asked.amount(20) * MEBIBYTE)
    if not asked.stream:
        return document([said(text)], counted(1))
    whole = stream(asked, 0)
    return replace(whole, pieces=(whole.pieces[0], delta({"content": text}), *whole.pieces[1:]))


def _wrong_length(difference: int) -> Callable[[Asked], Script]:
    def make(asked: Asked) -> Script:
        whole = b"".join(ok(asked).pieces)
        headers = STREAM if asked.stream else DOCUMENT
        ending = "close" if difference > 0 else "clean"
        return Script(headers=headers, pieces=(whole,), length=len(whole) + difference, ending=ending)

    return make


def _tools(count: int) -> Callable[[Asked], Script]:
    def make(asked: Asked) -> Script:
        calls = [
            {"id": f"call_{n}", "type": "function", "function": {"name": "look_up", "arguments": f'{{"page": {n}}}'}}
            for n in range(count)
        ]
        if not asked.stream:
            message = {"role": "assistant", "content": None, "tool_calls": calls}
            return document([{"index": 0, "message": message, "finish_reason": "tool_calls"}], counted(count * 4))
        pieces = [delta({"role": "assistant", "content": None})]
        for n, call in enumerate(calls):
            function = {"name": "look_up", "arguments": ""}
            pieces.append(delta({"tool_calls": [{**call, "index": n, "function": function}]}))
            parts = ('{"pa', f'ge": {n}}}')
            pieces += [delta({"tool_calls": [{"index": n, "function": {"arguments": part}}]}) for part in parts]
        pieces.append(delta({}, "tool_calls"))
        if asked.include_usage:
            pieces.append(frame({"choices": [], "usage": counted(count * 4)}))
        return Script(headers=STREAM, pieces=(*pieces, b"data: [DONE]\n\n"), framing="chunked")

    return make


def _logprobs(asked: Asked) -> Script:
    content = {"content": [{"token": "Hi", "logprob": -0.25, "bytes": [72, 105], "top_logprobs": []}]}
    if not asked.stream:
        return document([said("Hi", logprobs=content)], counted(1))
    return _spoken(asked, counted(1), delta({"content": "Hi"}, logprobs=content))


def _spoken(asked: Asked, usage: Mapping[str, Any], *pieces: bytes) -> Script:
    """A stream with these pieces in the place of its text."""
    begin, end, done = stream(replace(asked, include_usage=False), 0).pieces
    report = (frame({"choices": [], "usage": usage}),) if asked.include_usage else ()
    return Script(headers=STREAM, pieces=(begin, *pieces, end, *report, done), framing="chunked")


def _two(asked: Asked) -> Script:
    if not asked.stream:
        return document([said("one"), said("two", index=1)], counted(2))
    second = (delta({"role": "assistant", "content": ""}, index=1), delta({"content": "two"}, index=1))
    return _spoken(asked, counted(2), delta({"content": "one"}), *second, delta({}, "stop", index=1))


def _unknown(asked: Asked) -> Script:
    news = {"mood": {"nested": [1, 2.50, None]}, "content": "Hi"}
    if not asked.stream:
        return document([said("Hi", mood=news)], {**counted(1), "tiers": {"night": 1}}, horoscope="Leo")
    return _spoken(asked, counted(1), delta(news), frame({"choices": [], "horoscope": "Leo"}))


def _surrogates(asked: Asked) -> Script:
    if not asked.stream:
        return document([said("a\ud800b")], counted(1))
    return _spoken(asked, counted(1), delta({"content": "a\ud800b"}))


def _comments(asked: Asked) -> Script:
    if not asked.stream:
        return ok(asked)
    whole = stream(asked)
    pieces = tuple(piece.replace(b"\n\n", b"\r\n\r\n") for piece in whole.pieces)
    return replace(whole, pieces=tuple(part for piece in pieces for part in (b": ping\r\n\r\n", piece)))


def _reasoning(asked: Asked) -> Script:
    usage = counted(5, reasoning=4)
    if not asked.stream:
        message = {"role": "assistant", "content": "Hi", "reasoning_content": "Well, now."}
        return document([{"index": 0, "message": message, "finish_reason": "stop"}], usage)
    return _spoken(asked, usage, delta({"reasoning_content": "Well, now."}), delta({"content": "Hi"}))


def _thoughts(asked: Asked) -> Script:
    usage = counted(5)
    if not asked.stream:
        message = {"role": "assistant", "content": "Hi", "reasoning": "Well, now."}
        return document([{"index": 0, "message": message, "finish_reason": "stop"}], usage)
    thoughts = [delta({"role": "assistant", "content": "", "reasoning": piece}) for piece in ("Well, ", "now.")]
    return _spoken(asked, usage, *thoughts, delta({"role": "assistant", "content": "Hi"}))


def _stopped(asked: Asked) -> Script:
    if not asked.stream:
        return document([said("word0 ", stop_reason="END")], counted(1))
    begin, word, _, *rest = stream(asked, 1).pieces
    return replace(stream(asked), pieces=(begin, word, delta({}, "stop", stop_reason="END"), *rest))


def _cached(asked: Asked) -> Script:
    usage = {**counted(1), "prompt_tokens_details": {"cached_tokens": CACHED[0], "cache_write_tokens": CACHED[1]}}
    return _spoken(asked, usage, delta({"content": "Hi"})) if asked.stream else document([said("Hi")], usage)


def _told(asked: Asked, message: Mapping[str, Any], reason: str = "stop", *pieces: bytes) -> Script:
    """A message, in a stream as one piece unless there are others."""
    if not asked.stream:
        whole = {"role": "assistant", "content": None, **message}
        return document([{"index": 0, "message": whole, "finish_reason": reason}], counted(2))
    begin, _, *rest = stream(asked, 0).pieces
    return replace(stream(asked), pieces=(begin, *(pieces or (delta(dict(message)),)), delta({}, reason), *rest))


def _woven(asked: Asked) -> Script:
    calls = [
        {"id": f"call_{n}", "type": "function", "function": {"name": "look_up", "arguments": f'{{"page": {n}}}'}}
        for n in range(2)
    ]
    begun = [{**call, "index": n, "function": {"name": "look_up", "arguments": ""}} for n, call in enumerate(calls)]
    pieces = [delta({"tool_calls": [call]}) for call in begun]
    for part in ('{"pa', 'ge": %d}'):
        for n in range(2):
            function = {"arguments": part.replace("%d", str(n))}
            pieces.append(delta({"tool_calls": [{"index": n, "function": function}]}))
    return _told(asked, {"tool_calls": calls}, "tool_calls", *pieces)


def _proven(asked: Asked) -> Script:
    function = {"name": "look_up", "arguments": '{"page": 7}'}
    google = {"google": {"thought_signature": PROOF}}
    call = {"index": 0, "id": "call_7", "type": "function", "function": function, "extra_content": google}
    thought = {"reasoning_content": "Well, now.", "proof": PROOF}
    return _told(asked, {**thought, "tool_calls": [call]}, "tool_calls", delta(thought), delta({"tool_calls": [call]}))


def _document_without(asked: Asked) -> Script:
    return stream(asked, usage=False) if asked.stream else document([said("word0 ")], None)


SCRIPTS: Mapping[str, Callable[[Asked], Script]] = {
    "ok": _good,
    "chunks": lambda asked: ok(asked, asked.amount(5)),
    "paced": lambda asked: replace(ok(asked, asked.amount(5)), between_seconds=0.02),
    "slices": lambda asked: replace(ok(replace(asked, number=None)), slice_bytes=asked.amount(3)),
    "drip": lambda asked: replace(ok(asked, 1), slice_bytes=1, slice_seconds=0.001),
    "slow-headers": lambda asked: replace(ok(asked), before_headers_seconds=asked.amount(200) / 1000),
    "slow-body": lambda asked: replace(ok(asked), before_body_seconds=asked.amount(200) / 1000),
    "slow-middle": _slow_middle,
    "gated": _gated,
    "no-usage": _document_without,
    "always-usage": lambda asked: stream(asked, usage=True) if asked.stream else ok(asked),
    "no-done": lambda asked: stream(asked, done=False) if asked.stream else ok(asked),
    "no-finish": lambda asked: replace(ok(asked), pieces=_pieces(ok(asked), 4)),
    "cut": _cut,
    "cut-mid-frame": _cut_mid_frame,
    "cut-clean": _cut_clean,
    "reset": lambda asked: replace(_stall_middle(asked), ending="reset", between_seconds=0.01),
    "close": lambda asked: Script(framing="raw", ending="close"),
    "close-mid-headers": lambda asked: Script(
        pieces=(b"HTTP/1.1 200 OK\r\ncontent-ty",), framing="raw", ending="close"
    ),
    "stall": lambda asked: Script(framing="raw", ending="stall"),
    "stall-headers": lambda asked: replace(ok(asked), pieces=(), length=100, ending="stall"),
    "stall-middle": _stall_middle,
    "garbled": _garbled,
    "error-frame": _error_frame,
    "early-error-frame": _early_error_frame,
    "late-error-frame": lambda asked: replace(_error_frame(asked), between_seconds=0.02),
    "huge": _huge,
    "html": lambda asked: page(),
    "text": lambda asked: Script(headers=(("content-type", "text/plain"),), pieces=(b"I am no API.",)),
    "document": lambda asked: ok(replace(asked, stream=False)),
    "short-length": _wrong_length(-20),
    "long-length": _wrong_length(20),
    "tools": _tools(1),
    "two-tools": _tools(2),
    "logprobs": _logprobs,
    "two": _two,
    "unknown": _unknown,
    "surrogates": _surrogates,
    "comments": _comments,
    "reasoning": _reasoning,
    "thoughts": _thoughts,
    "stopped": _stopped,
    "cached": _cached,
    "cited": lambda asked: _told(
        asked, {"content": "Hi", "annotations": [{"type": "url_citation", "url_citation": SOURCE}]}
    ),
    "declined": lambda asked: _told(asked, {"refusal": "I cannot."}),
    "woven": _woven,
    "proven": _proven,
    "empty": lambda asked: ok(asked, 0),
    "rate-limited": lambda asked: error(
        429, "Rate limit reached.", "rate_limit_exceeded", (("retry-after", str(asked.amount(1))),)
    ),
    "no-quota": lambda asked: error(429, "You exceeded your current quota.", "insufficient_quota"),
    "context": lambda asked: error(
        400, "This model's maximum context is 8 tokens.", "context_length_exceeded", (), "messages"
    ),
    "redirect": lambda asked: Script(307, (("location", "http://127.0.0.1:1/v1"),)),
}
