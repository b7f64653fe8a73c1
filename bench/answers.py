"""The requests of the callers and the answers of the provider's stand-in, as bytes: about a kilobyte each."""

import json

STREAM_CHUNKS = 64
WORDS = "the quick brown fox jumps over the lazy dog and then sleeps in the sun until it is evening "
TIME_MARK = b'"content":"@'
TIME_DIGITS = 16


def request_body(model: str, is_stream: bool) -> bytes:
    """A chat completion request of about a kilobyte, such as an SDK sends it."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant. Answer briefly."},
        {"role": "user", "content": (WORDS * 10)[:780]},
    ]
    body = {"model": model, "messages": messages, "temperature": 0.7, "max_tokens": 200}
    return json.dumps(body | ({"stream": True} if is_stream else {}), separators=(",", ":")).encode()


def message_body(model: str) -> bytes:
    """The same as Anthropic's SDK sends it."""
    messages = [{"role": "user", "content": [{"type": "text", "text": (WORDS * 10)[:780]}]}]
    system = [{"type": "text", "text": "You are a helpful assistant. Answer briefly."}]
    return json.dumps({"model": model, "max_tokens": 200, "system": system, "messages": messages}).encode()


def request(port: int, key: str, body: bytes, path: str = "/v1/chat/completions") -> bytes:
    """A whole HTTP request, with the headers of a usual client."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n"
        f"User-Agent: bench/1.0\r\nContent-Type: application/json\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def document() -> bytes:
    """A chat completion of about a kilobyte."""
    message = {"role": "assistant", "content": (WORDS * 10)[:700], "refusal": None}
    answer = {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "bench",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 150, "total_tokens": 350},
    }
    return json.dumps(answer).encode()


def chunk(content: str) -> bytes:
    """One event of a stream with a piece of text."""
    return _event([{"index": 0, "delta": {"content": content}, "logprobs": None, "finish_reason": None}])


def stream_end() -> bytes:
    """The events that close a stream: why it ended, the usage that a gateway asks for, and the end mark."""
    usage = {"prompt_tokens": 200, "completion_tokens": STREAM_CHUNKS, "total_tokens": 200 + STREAM_CHUNKS}
    ended = _event([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}])
    return ended + _event([], usage) + b"data: [DONE]\n\n"


def stream() -> bytes:
    """A whole streamed answer of 64 pieces of text."""
    words = WORDS.split()
    return b"".join(chunk(f"{words[at % len(words)]} ") for at in range(STREAM_CHUNKS)) + stream_end()


def timed_chunk(nanoseconds: int) -> bytes:
    """One event whose text is the moment at which it was sent, on the clock that all processes share."""
    return chunk(f"@{nanoseconds:0{TIME_DIGITS}d}")


def _event(choices: list[object], usage: dict[str, int] | None = None) -> bytes:
    event = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "bench"}
    told = event | {"choices": choices} | ({"usage": usage} if usage else {})
    return b"data: " + json.dumps(told, separators=(",", ":")).encode() + b"\n\n"
