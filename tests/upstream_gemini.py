"""What the fake provider answers in Google's dialect: the scripts of `tests/upstream_table.py` in Google's words.

Each piece of a stream is translated by itself, so an answer that is cut, garbled or paced there is so here. Errors have
Google's shape but for OpenAI's code, which tests ask for.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.upstream_errands import answer_google, is_scripted
from tests.upstream_scripts import Script
from tests.upstream_table import PROOF, script_for
from tollbar.wire.sse import frames

PATH = re.compile(
    r"/v1beta/models/(.+):(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents|predict)(?:\?alt=sse)?"
)
LIST = "/v1beta/models?pageSize=1000"
COUNTED = 7
_REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}


def gemini_models(names: tuple[str, ...]) -> Script:
    """The answer to a request for the models."""
    return Script(pieces=(json.dumps({"models": [{"name": f"models/{name}"} for name in names]}).encode(),))


def gemini_script(planned: str | Script | None, path: str, default: str | Script, body: bytes) -> Script:
    """The answer to a call at an address that fits `PATH`."""
    found = PATH.fullmatch(path)
    model, method = (found[1], found[2]) if found else ("", "")
    if method == "countTokens":
        return Script(pieces=(json.dumps({"totalTokens": COUNTED}).encode(),))
    if method.endswith(("embedContent", "batchEmbedContents", "predict")) and not is_scripted(model):
        return answer_google(method, body)
    stream = method == "streamGenerateContent"
    asked = {"model": model, "stream": stream, "stream_options": {"include_usage": True}}
    if isinstance(planned, Script):
        return planned
    return translated(script_for(planned, model, default, json.dumps(asked).encode()), stream)


def translated(script: Script, stream: bool) -> Script:
    """A script of OpenAI's dialect in Google's."""
    if script.framing == "raw":
        return script
    pieces = [_piece(piece) for piece in script.pieces] if stream or script.status != 200 else list(script.pieces)
    if not stream and script.status == 200:
        whole = b"".join(pieces)
        told = _piece(whole)
        # What is cut in the middle, in the middle; what comes in parts, in as many.
        pieces = [told] if len(pieces) == 1 else [told[:40], told[40:]]
    pieces = [piece for piece in _joined(pieces) if piece] or [b""]
    difference = sum(map(len, pieces)) - sum(map(len, script.pieces))
    length = None if script.length is None else script.length + difference
    return replace(script, pieces=tuple(pieces), length=length)


def _joined(pieces: list[bytes]) -> list[bytes]:
    """The usage comes with the end of a candidate, as Google tells it, and not after it."""
    joined: list[bytes] = []
    for piece in pieces:
        if piece.startswith(b'data: {"usageMetadata"') and joined and b'"finishReason"' in joined[-1]:
            before = json.loads(joined[-1].strip()[6:])
            joined[-1] = b"data: " + json.dumps({**before, **json.loads(piece.strip()[6:])}).encode() + b"\n\n"
        else:
            joined.append(piece)
    return joined


def _piece(piece: bytes) -> bytes:
    """A frame, a document or an error; what is none of them stays as it is."""
    if len(several := frames(piece)) > 1 and piece.startswith(b"data: "):
        return b"".join(map(_piece, several))
    lines = piece.replace(b"\r\n", b"\n").strip()
    if lines == b"data: [DONE]":
        return b""
    end = b"\r\n\r\n" if b"\r\n\r\n" in piece else b"\n\n"
    is_frame = lines.startswith(b"data: ")
    comment, _, rest = lines.rpartition(b"\ndata: ")
    raw = rest if comment.startswith(b":") else lines.removeprefix(b"data: ")
    try:
        told = json.loads(raw)
    except ValueError:
        return piece
    if not isinstance(told, dict) or not {"choices", "error"} & told.keys():
        return piece
    made = _error(told["error"]) if "error" in told else _answer(told)
    if made is None:
        return b""
    body = json.dumps(made, separators=(",", ":")).encode()
    return b"data: " + body + end if is_frame else body


def _error(error: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": {name: error.get(name) for name in ("code", "message", "param")} | {"status": "INTERNAL"}}


def _answer(told: Mapping[str, Any]) -> dict[str, Any] | None:
    candidates = [made for choice in told["choices"] if (made := _candidate(choice)) is not None]
    made: dict[str, Any] = {"candidates": candidates} if candidates else {}
    if usage := told.get("usage"):
        reasoning = usage.get("completion_tokens_details", {}).get("reasoning_tokens", 0)
        cached = usage.get("prompt_tokens_details")
        made["usageMetadata"] = {
            "promptTokenCount": usage["prompt_tokens"],
            "candidatesTokenCount": usage["completion_tokens"] - reasoning,
            "totalTokenCount": usage["total_tokens"],
            **({"cachedContentTokenCount": cached["cached_tokens"]} if cached else {}),
            **({"thoughtsTokenCount": reasoning} if reasoning else {}),
        }
    if not made and "horoscope" not in told:
        return None
    more = {name: value for name, value in told.items() if name == "horoscope"}
    return {**made, "modelVersion": "fake-1", "responseId": "fake", **more}


def _candidate(choice: Mapping[str, Any]) -> dict[str, Any] | None:
    said = choice.get("delta") or choice.get("message") or {}
    parts: list[dict[str, Any]] = []
    if said.get("reasoning_content"):
        parts.append({"text": said["reasoning_content"], "thought": True})
    if said.get("content") or (said.get("content") == "" and "role" not in said):
        parts.append({"text": said["content"]})
    for call in said.get("tool_calls") or ():
        if call.get("id"):  # arguments come whole with Google: here they are the number of the call
            number = int(call["id"].rpartition("_")[2])
            proof = {"thoughtSignature": PROOF} if "extra_content" in call else {}
            parts.append({"functionCall": {"id": call["id"], "name": "look_up", "args": {"page": number}}, **proof})
    more = {"mood": said["mood"]} if "mood" in said else {}
    if choice.get("logprobs"):
        more["logprobsResult"] = {"chosenCandidates": [{"token": "Hi", "logProbability": -0.25}]}
    if cited := [{"web": {"uri": one["url_citation"]["url"]}} for one in said.get("annotations") or ()]:
        more["groundingMetadata"] = {"groundingChunks": cited}
    made = {"content": {"parts": parts, "role": "model"}, "index": choice["index"], **more}
    if said.get("refusal"):
        made["finishReason"] = "SAFETY"
    elif reason := choice.get("finish_reason"):
        made["finishReason"] = _REASONS[reason]
    elif not parts:
        return None
    return made
