"""Pieces of a conversation with `transformers serve`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tollbar.providers.local.transformers.asking import Asked


def chunk(delta: Mapping[str, Any], finish: str | None = None, usage: Mapping[str, int] | None = None) -> bytes:
    """A frame as that server writes it."""
    choice = {"delta": delta, "index": 0, **({"finish_reason": finish} if finish else {})}
    head = {"id": "chatcmpl-1", "created": 1, "object": "chat.completion.chunk", "model": "/models/tiny"}
    document = {**head, "choices": [choice], "system_fingerprint": "", **({"usage": usage} if usage else {})}
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def an_asked(**fields: Any) -> Asked:
    """A request that asks for nothing special."""
    plain = Asked(b"{}", is_stream=False, wants_usage=False, stops=(), seed=None, samples=False)
    return replace(plain, **fields)
