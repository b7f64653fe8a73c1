"""What an answer of the fake provider is made of: a Script, and the parts that good answers have in common."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

PROMPT_TOKENS = 10
DOCUMENT = (("content-type", "application/json"), ("x-request-id", "req_fake"))
STREAM = (("content-type", "text/event-stream; charset=utf-8"), ("x-request-id", "req_fake"))


@dataclass(frozen=True, slots=True)
class Script:
    """One answer, down to its bytes. Each of `pieces` is sent by itself when anything is paced, else all at once.

    `framing` is how the end of the body is told: by its length, in chunks, by closing, or not at all: `raw` pieces are
    the whole answer, status line included. `length` is claimed in place of the true length. Behind `gate_after` pieces
    it waits until the server's gate is open.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = DOCUMENT
    pieces: tuple[bytes, ...] = ()
    framing: Literal["length", "chunked", "eof", "raw"] = "length"
    length: int | None = None
    before_headers_seconds: float = 0.0
    before_body_seconds: float = 0.0
    between_seconds: float = 0.0
    slice_bytes: int = 0
    slice_seconds: float = 0.0
    gate_after: int = 0
    ending: Literal["clean", "close", "reset", "stall"] = "clean"

    @property
    def is_paced(self) -> bool:
        """Whether the pieces are to be sent one by one."""
        return bool(self.before_body_seconds or self.between_seconds or self.slice_bytes or self.gate_after)

    def head(self, reasons: Mapping[int, str]) -> bytes:
        """The status line and the headers, with the blank line."""
        if self.framing == "raw":
            return b""
        lines = [f"HTTP/1.1 {self.status} {reasons.get(self.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        match self.framing:
            case "length":
                length = self.length if self.length is not None else sum(map(len, self.pieces))
                lines.append(f"content-length: {length}")
            case "chunked":
                lines.append("transfer-encoding: chunked")
            case "eof":
                lines.append("connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def framed(self, piece: bytes) -> bytes:
        """A piece as it goes over the wire."""
        return b"%x\r\n%b\r\n" % (len(piece), piece) if self.framing == "chunked" and piece else piece


@dataclass(frozen=True, slots=True)
class Asked:
    """What a script needs to know of the request."""

    model: str = "fake-1"
    stream: bool = False
    include_usage: bool = False
    number: int | None = None

    def amount(self, default: int) -> int:
        """The number behind the script's name, or its default."""
        return default if self.number is None else self.number


def answer_models(names: tuple[str, ...], owner: str = "fake") -> Script:
    """The answer to GET /models."""
    data = [{"id": name, "object": "model", "created": 1, "owned_by": owner} for name in names]
    return Script(pieces=(json.dumps({"object": "list", "data": data}).encode(),))


def answer_tags(names: tuple[str, ...]) -> Script:
    """The answer to Ollama's GET /api/tags."""
    return Script(pieces=(json.dumps({"models": [{"name": name, "model": name} for name in names]}).encode(),))


def answer_unknown_path(method: str, path: str) -> Script:
    """The answer to a request for something that is not there."""
    return error(404, f"Unknown request URL: {method} {path}.", code="unknown_url")


def error(
    status: int,
    message: str = "It went wrong.",
    code: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    param: str | None = None,
) -> Script:
    """An error as OpenAI words it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return Script(status, (*DOCUMENT, *headers), (json.dumps(body).encode(),))


def page(status: int = 200) -> Script:
    """A web page where JSON was due."""
    return Script(status, (("content-type", "text/html"),), (b"<!doctype html><title>Welcome</title>",))


def delta(content: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    """One frame of a stream."""
    choice = {"index": index, "delta": content, "finish_reason": finish, **more}
    return frame({"choices": [choice]})


def frame(fields: Mapping[str, Any]) -> bytes:
    """One frame with everything a chunk has."""
    chunk = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1, "model": "fake-1", **fields}
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def counted(words: int, reasoning: int = 0) -> dict[str, Any]:
    """The usage of an answer."""
    total = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": words, "total_tokens": PROMPT_TOKENS + words}
    return {**total, "completion_tokens_details": {"reasoning_tokens": reasoning}} if reasoning else total


def stream(asked: Asked, words: int = 5, usage: bool | None = None, done: bool = True) -> Script:
    """A stream of so many words; usage as asked, unless said otherwise."""
    pieces = [delta({"role": "assistant", "content": ""})]
    pieces += [delta({"content": f"word{number} "}) for number in range(words)]
    pieces.append(delta({}, "stop"))
    if asked.include_usage if usage is None else usage:
        pieces.append(frame({"choices": [], "usage": counted(words)}))
    if done:
        pieces.append(b"data: [DONE]\n\n")
    return Script(headers=STREAM, pieces=tuple(pieces), framing="chunked")


def document(choices: list[dict[str, Any]], usage: Mapping[str, Any] | None, **more: Any) -> Script:
    """A plain answer."""
    fields = {"id": "chatcmpl-fake", "object": "chat.completion", "created": 1, "model": "fake-1", "choices": choices}
    body = {**fields, **more, **({"usage": usage} if usage is not None else {})}
    return Script(pieces=(json.dumps(body).encode(),))


def said(text: str, index: int = 0, **more: Any) -> dict[str, Any]:
    """One choice of a plain answer."""
    return {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}


def ok(asked: Asked, words: int = 5) -> Script:
    """A good answer of so many words."""
    if asked.stream:
        return stream(asked, words)
    return document([said("".join(f"word{number} " for number in range(words)))], counted(words))
