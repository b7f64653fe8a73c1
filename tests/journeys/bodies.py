"""What journeys send and how they read what comes back, down to the bytes."""

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

SAID: list[Any] = [{"role": "user", "content": "Hello."}]


def chat(model: str, **more: Any) -> dict[str, Any]:
    """The body of a call."""
    return {"model": model, "messages": SAID, **more}


def raw_chat(key: str, body: Mapping[str, Any]) -> bytes:
    """A call as bytes for a socket."""
    content = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def receive(connection: socket.socket, enough: Callable[[bytearray], object] = lambda data: False) -> bytes:
    """What comes until there is enough of it, or the other side closes."""
    data = bytearray()
    with suppress(ConnectionResetError):
        while not enough(data) and (piece := connection.recv(65_536)):
            data += piece
    return bytes(data)


def frames(body: bytes) -> list[Any]:
    """The events of a stream: JSON read, the end mark as its text."""
    events = [event.removeprefix(b"data: ") for event in body.split(b"\n\n") if event.startswith(b"data: ")]
    return [event.decode() if event == b"[DONE]" else json.loads(event) for event in events]


def text_of(events: list[Any]) -> str:
    """The text that the events of a stream make together."""
    choices = [choice for event in events if isinstance(event, dict) for choice in event.get("choices", ())]
    return "".join(choice["delta"].get("content") or "" for choice in choices)
