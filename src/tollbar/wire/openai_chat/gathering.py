"""Chunks of a streamed answer → the document that the same call gives when it is not streamed.

For an engine of ours, which is asked to stream whatever its caller wants: see `providers/local/wire.py`. It is a
document of one choice, with all that the chunks said, whether we know of it or not.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

OF_A_CHUNK = frozenset({"object", "choices", "prompt_progress"})


def gather(chunks: Iterable[bytes]) -> bytes:
    """The document of these chunks, each the JSON of one, without the end mark."""
    document: dict[str, Any] = {"object": "chat.completion", "choices": []}
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": None}
    for chunk in map(msgspec.json.decode, chunks):
        for said in chunk.get("choices", ()):
            document["choices"] = [choice]
            _join(message, said.get("delta") or {})
            if logprobs := said.get("logprobs"):
                choice.setdefault("logprobs", {"content": []})["content"] += logprobs.get("content") or ()
            choice["finish_reason"] = said.get("finish_reason") or choice["finish_reason"]
        document |= {name: value for name, value in chunk.items() if name not in OF_A_CHUNK}
    return msgspec.json.encode(document)


def _join(message: dict[str, Any], delta: Mapping[str, Any]) -> None:
    """Puts what a chunk adds to what there is of a message: text to text, calls to calls; the rest as it is."""
    for name, value in delta.items():
        if name == "tool_calls":
            _join_calls(message.setdefault(name, []), value or ())
        elif name != "role" and isinstance(value, str):
            message[name] = message.get(name, "") + value
        elif value is not None:
            message[name] = value


def _join_calls(calls: list[dict[str, Any]], deltas: Iterable[Mapping[str, Any]]) -> None:
    for delta in deltas:
        if delta["index"] >= len(calls):
            function = {"name": "", "arguments": ""}
            calls.append({"id": delta.get("id", ""), "type": "function", "function": function})
        for name, text in (delta.get("function") or {}).items():
            calls[delta["index"]]["function"][name] += text
