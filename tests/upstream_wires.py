"""The answers of `tests/upstream_table.py`, written for chats, in OpenAI's two other wires: piece for piece.

A piece that is no frame of a chat (an error, a cut or garbled one) stays as it is: it means the same everywhere.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.upstream_scripts import Script

Piece = Mapping[str, Any]
_DONE = b"data: [DONE]\n\n"


def with_usage(body: bytes) -> bytes:
    """A request of another wire with what a chat must be asked for to be told the same: a response tells its usage."""
    try:
        return json.dumps({**json.loads(body), "stream_options": {"include_usage": True}}).encode()
    except (ValueError, TypeError):
        return body


def as_response(script: Script) -> Script:
    """A chat's answer as a response's, lean: no item is told twice."""
    reports = [chunk["usage"] for piece in _whole(script) for chunk in _chats(piece) if chunk.get("usage")]
    usage = _usage(reports[-1]) if reports else None
    return _turned(script, lambda chunk: _steps(chunk, usage), lambda document: _response(document, usage))


def as_text(script: Script) -> Script:
    """A chat's answer as an older completion's."""
    return _turned(script, lambda chunk: b"data: %b\n\n" % _text(chunk) if chunk["choices"] != [None] else _DONE, _text)


def _turned(script: Script, of_chunk: Callable[[Piece], bytes], of_document: Callable[[Piece], bytes]) -> Script:
    """The script with each frame, or its one document, as another wire has it."""
    before = sum(map(len, script.pieces))
    pieces = []
    for piece in _whole(script):
        chats = list(_chats(piece))
        is_stream = piece.startswith((b"data:", b":"))
        pieces.append(b"".join(map(of_chunk if is_stream else of_document, chats)) if chats else piece)
    if len(pieces) < len(script.pieces):
        pieces = [pieces[0][:40], pieces[0][40:]]
    length = None if script.length is None else script.length + sum(map(len, pieces)) - before
    return replace(script, pieces=tuple(pieces), length=length)


def _whole(script: Script) -> tuple[bytes, ...]:
    """The pieces, those of a document in two as one."""
    return script.pieces if script.framing == "chunked" else (b"".join(script.pieces),) if script.pieces else ()


def _chats(piece: bytes) -> Iterator[Piece]:
    """What a piece says, if it is made of whole frames or is a document of a chat; the end mark's choice is None."""
    for frame in piece.replace(b"\r\n", b"\n").split(b"\n\n"):
        if frame.startswith(b"data: [DONE]"):
            yield {"choices": [None]}
            continue
        try:
            found = json.loads(frame.removeprefix(b"data: "))
        except ValueError:
            continue
        if isinstance(found, dict) and "choices" in found:
            yield found


def _text(chunk: Piece) -> bytes:
    choices = [
        {
            "index": choice["index"],
            "text": said.get("content") or said.get("refusal") or "",
            "finish_reason": choice.get("finish_reason"),
            "logprobs": None,
        }
        for choice in chunk["choices"]
        for said in [choice.get("delta") or choice.get("message") or {}]
    ]
    return json.dumps({**chunk, "object": "text_completion", "choices": choices}, separators=(",", ":")).encode()


def _thought(said: Piece) -> dict[str, Any]:
    proof = {"encrypted_content": said["proof"]} if "proof" in said else {}
    summary = [{"type": "summary_text", "text": said["reasoning_content"]}]
    return {"type": "reasoning", "id": "rs_fake", "summary": summary, **proof}


def _cited(said: Piece) -> list[dict[str, Any]]:
    return [{"type": "url_citation", **one["url_citation"]} for one in said.get("annotations") or ()]


def _usage(told: Piece) -> dict[str, Any]:
    details = told.get("completion_tokens_details") or {"reasoning_tokens": 0}
    cached = told.get("prompt_tokens_details") or {"cached_tokens": 0, "cache_write_tokens": 0}
    return {
        "input_tokens": told["prompt_tokens"],
        "input_tokens_details": cached,
        "output_tokens": told["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": details["reasoning_tokens"]},
        "total_tokens": told["total_tokens"],
    }


def _event(kind: str, **fields: Any) -> bytes:
    data = json.dumps({"type": kind, "sequence_number": 0, **fields}, separators=(",", ":")).encode()
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


def _object(status: str, output: list[dict[str, Any]], usage: object) -> dict[str, Any]:
    return {
        "id": "resp_fake",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "fake-1",
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage,
    }


def _steps(chunk: Piece, usage: object) -> bytes:
    told = b""
    for choice in filter(None, chunk["choices"]):
        delta = choice.get("delta") or {}
        if choice["index"] or "role" in delta:
            told += (
                _event("response.created", response=_object("in_progress", [], None)) if not choice["index"] else b""
            )
            continue
        place = {"item_id": "msg_fake", "output_index": 1, "content_index": 0}
        if thought := delta.get("reasoning_content"):
            told += _event("response.reasoning_summary_text.delta", item_id="rs_fake", output_index=0, delta=thought)
            if "proof" in delta:
                told += _event("response.output_item.done", output_index=0, item=_thought(delta))
        if refusal := delta.get("refusal"):
            told += _event("response.refusal.delta", **place, delta=refusal)
        if text := delta.get("content"):
            told += _event("response.output_text.delta", **place, delta=text, logprobs=[])
        for number, annotation in enumerate(_cited(delta)):
            told += _event(
                "response.output_text.annotation.added", **place, annotation_index=number, annotation=annotation
            )
        for call in delta.get("tool_calls") or ():
            index, function = 2 + call["index"], call["function"]
            if "id" in call:
                item = {"type": "function_call", "call_id": call["id"], "name": function["name"], "arguments": ""}
                told += _event("response.output_item.added", output_index=index, item=item)
            if arguments := function.get("arguments"):
                told += _event("response.function_call_arguments.delta", output_index=index, delta=arguments)
        if choice.get("finish_reason"):
            told += _event("response.completed", response=_object("completed", [], usage))
    return told


def _response(chunk: Piece, usage: object) -> bytes:
    output: list[dict[str, Any]] = []
    for choice in chunk["choices"][:1]:
        message = choice["message"]
        if message.get("reasoning_content"):
            output.append(_thought(message))
        text, refusal = message.get("content"), message.get("refusal")
        if text or refusal:
            part = {"type": "output_text", "text": text, "annotations": _cited(message), "logprobs": []}
            part = {"type": "refusal", "refusal": refusal} if refusal else part
            item = {"type": "message", "id": "msg_fake", "role": "assistant", "status": "completed", "content": [part]}
            output.append(item)
        output += [
            {"type": "function_call", "id": f"fc_{call['id']}", "call_id": call["id"], **call["function"]}
            for call in message.get("tool_calls") or ()
        ]
    return json.dumps(_object("completed", output, usage)).encode()
