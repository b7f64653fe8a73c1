"""A failure inside a stream of the Responses API; before the first byte it has the shape of every OpenAI endpoint.

Two events tell it. `response.failed` is what agents act on; `error` ends the stream, and OpenAI's SDKs raise at it
because it also holds an `error` object, as the chat dialect's does.
"""

import json
from contextlib import suppress

from tollbar.domain.errors import GatewayError, RateLimited, StreamBroken, UpstreamBusy
from tollbar.wire import sse
from tollbar.wire.openai_chat.errors import encode_error
from tollbar.wire.openai_responses.report import read
from tollbar.wire.writing import encoded


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The events that tell of a failure after the first byte; nothing follows them."""
    return encode_next_error(error, request_id, b"")


def encode_next_error(error: GatewayError, request_id: str, said: bytes) -> bytes:
    """The same, numbered on from the last of the events that were said before."""
    number = _last_number(said) + 1
    told = json.loads(encode_error(error, request_id)[1])["error"]
    code = "rate_limit_exceeded" if isinstance(error, RateLimited | UpstreamBusy) else "server_error"
    response = {
        "id": f"resp_{request_id}",
        "object": "response",
        "created_at": 0,
        "status": "failed",
        "error": {"code": code, "message": told["message"]},
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }
    failed = {"type": "response.failed", "sequence_number": number, "response": response}
    flat = {"code": told["code"], "message": told["message"], "param": told["param"]}
    final = {"type": "error", "sequence_number": number + 1, **flat, "error": told}
    return b"".join(b"event: %b\n%b" % (str(one["type"]).encode(), sse.event(encoded(one))) for one in (failed, final))


def _last_number(said: bytes) -> int:
    """The number of the last event; -1 where there is none."""
    for data in reversed(sse.payloads(said)):
        with suppress(StreamBroken):
            number = read(data or b"").get("sequence_number")
            if isinstance(number, int):
                return number
    return -1
