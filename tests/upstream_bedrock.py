"""What the fake provider answers as Amazon Bedrock: the scripts of `tests/upstream_table.py` as Converse tells them.

Each piece of a stream becomes messages by itself, so an answer that is cut, garbled or paced there is so here: half
a frame is half a message, and one that is no JSON is a message whose checksum is wrong. The encoder is written
here anew, from the format's description, so that no fault of our reading can hide in it.
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from tests.upstream_errands import TOKENS
from tests.upstream_scripts import Script
from tests.upstream_table import PROOF, script_for
from tollbar.wire.sse import frames

PATH = re.compile(r"/model/([^/]+)/(converse-stream|converse|invoke)")
LISTS = ("/foundation-models", "/inference-profiles?maxResults=1000")
STREAM = (("content-type", "application/vnd.amazon.eventstream"), ("x-amzn-requestid", "req_fake"))
_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "content_filtered"}
_KINDS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
_FAULT = "modelStreamErrorException"


def model_of(path: str) -> str:
    """The model that an address names; empty where it names none."""
    found = PATH.fullmatch(path)
    return unquote(found[1]) if found else ""


def bedrock_models(names: tuple[str, ...], path: str) -> Script:
    """The answer to a request for the models, or for the profiles, of which there are none."""
    models = [{"modelId": name, "inferenceTypesSupported": ["ON_DEMAND"]} for name in names]
    models.append({"modelId": "not-by-itself", "inferenceTypesSupported": ["PROVISIONED"]})
    told = {"modelSummaries": models} if path == LISTS[0] else {"inferenceProfileSummaries": []}
    return Script(pieces=(json.dumps(told).encode(),))


def bedrock_script(planned: str | Script | None, path: str, default: str | Script) -> Script:
    """The answer to a call at an address that fits `PATH`; before the name of a script may stand a maker's model."""
    if isinstance(planned, Script):
        return planned
    if path.endswith("/invoke"):
        return Script(pieces=(json.dumps({"embedding": [0.5, -0.25], "inputTextTokenCount": TOKENS}).encode(),))
    name = model_of(path).rpartition("/")[2]
    asked = {"model": name, "stream": path.endswith("-stream"), "stream_options": {"include_usage": True}}
    return translated(script_for(planned, name, default, json.dumps(asked).encode()))


def event(kind: str, told: Mapping[str, Any]) -> bytes:
    """One message that tells of an event."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return message(headers, json.dumps(told, separators=(",", ":")).encode())


def exception(kind: str, words: str) -> bytes:
    """One message that tells of an exception."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, json.dumps({"message": words}).encode())


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message: lengths and their checksum, headers of text, the payload, and the checksum of it all."""
    head = b""
    for name, value in headers.items():
        named, raw = name.encode(), value.encode()
        head += bytes([len(named)]) + named + b"\x07" + len(raw).to_bytes(2, "big") + raw
    lengths = (16 + len(head) + len(payload)).to_bytes(4, "big") + len(head).to_bytes(4, "big")
    body = lengths + zlib.crc32(lengths).to_bytes(4, "big") + head + payload
    return body + zlib.crc32(body).to_bytes(4, "big")


def translated(script: Script) -> Script:
    """A script of OpenAI's dialect in Converse's."""
    if script.framing == "raw":
        return script
    whole = b"".join(script.pieces)
    before = len(whole)
    if script.status == 200 and whole.startswith((b"data: ", b": ")):
        telling = _Telling()
        pieces = [b"".join(telling.hear(piece)) for piece in script.pieces]
        script = replace(script, headers=STREAM)
    else:
        headers, told = _document(whole, script)
        script = replace(script, headers=headers)
        pieces = [told] if len(script.pieces) < 2 else [told[:40], told[40:]]
    pieces = [piece for piece in pieces if piece]
    length = None if script.length is None else script.length + sum(map(len, pieces)) - before
    return replace(script, pieces=tuple(pieces), length=length)


def _document(whole: bytes, script: Script) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """A document, or an error, whose kind stands in a header."""
    try:
        told = json.loads(whole)
    except ValueError:
        return script.headers, whole
    if "error" in told:
        fault = told["error"]
        kind = _KINDS.get(script.status, "InternalServerException")
        kind = "ServiceQuotaExceededException" if fault.get("code") == "insufficient_quota" else kind
        headers = (*script.headers, ("x-amzn-errortype", f"{kind}:http://internal.amazon.com/coral/"))
        return headers, json.dumps({"message": fault["message"]}).encode()
    if "choices" not in told:
        return script.headers, whole
    choice = told["choices"][0]
    made = {
        "output": {"message": {"role": "assistant", "content": list(_blocks(choice["message"]))}},
        "stopReason": "refusal" if choice["message"].get("refusal") else _REASONS[choice["finish_reason"]],
        "metrics": {"latencyMs": 1},
        **({"usage": _usage(told["usage"])} if told.get("usage") else {}),
    }
    return script.headers, json.dumps(made).encode()


def _blocks(said: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if said.get("reasoning_content"):
        yield {"reasoningContent": {"reasoningText": {"text": said["reasoning_content"], "signature": PROOF}}}
    if text := said.get("content") or said.get("refusal"):
        cited = list(_cited(said))
        yield {"citationsContent": {"content": [{"text": text}], "citations": cited}} if cited else {"text": text}
    for call in said.get("tool_calls") or ():
        function = call["function"]
        arguments = json.loads(function["arguments"])
        yield {"toolUse": {"toolUseId": call["id"], "name": function["name"], "input": arguments}}


def _cited(said: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for one in said.get("annotations") or ():
        found = one["url_citation"]
        yield {"title": found["title"], "location": {"web": {"url": found["url"], "domain": "example.org"}}}


def _usage(told: Mapping[str, Any]) -> dict[str, int]:
    prompt, said = told["prompt_tokens"], told["completion_tokens"]
    cached = {}
    if details := told.get("prompt_tokens_details"):
        read, written = details["cached_tokens"], details["cache_write_tokens"]
        cached = {"cacheReadInputTokens": read, "cacheWriteInputTokens": written}
    rest = prompt - sum(cached.values())
    return {"inputTokens": rest, "outputTokens": said, "totalTokens": prompt + said, **cached}


@dataclass(slots=True)
class _Telling:
    """A stream under way, and which of its blocks is open: text is not told to begin, a call is."""

    index: int = -1
    kind: str = ""
    is_declined: bool = False

    def hear(self, piece: bytes) -> Iterator[bytes]:
        """The messages of a piece, which is whole frames; or half a message, or one that is spoilt."""
        for frame in frames(piece):
            lines = [line for line in frame.replace(b"\r\n", b"\n").split(b"\n") if line.startswith(b"data: ")]
            for raw in (line[6:] for line in lines):
                if raw == b"[DONE]":
                    continue
                try:
                    told = json.loads(raw)
                except ValueError:
                    whole = event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "never whole"}})
                    is_whole = frame.endswith(b"\n")
                    yield whole[:-1] + bytes([whole[-1] ^ 1]) if is_whole else whole[:30]
                else:
                    yield from self._told(told)

    def _told(self, chunk: Mapping[str, Any]) -> Iterator[bytes]:
        if "error" in chunk:
            yield exception(_FAULT, chunk["error"]["message"])
            return
        if "horoscope" in chunk:
            yield event("horoscope", {"horoscope": chunk["horoscope"]})
        for choice in chunk["choices"]:
            if choice["index"] == 0:
                yield from self._said(choice["delta"], choice["finish_reason"])
        if chunk.get("usage"):
            yield event("metadata", {"usage": _usage(chunk["usage"]), "metrics": {"latencyMs": 1}})

    def _said(self, said: Mapping[str, Any], reason: str | None) -> Iterator[bytes]:
        if "role" in said:
            yield event("messageStart", {"role": "assistant"})
        if said.get("reasoning_content"):
            yield from self._open("reasoning")
            yield self._delta({"reasoningContent": {"text": said["reasoning_content"]}})
        self.is_declined |= bool(said.get("refusal"))
        if text := said.get("content") or said.get("refusal"):
            yield from self._open("text")
            yield self._delta({"text": text})
            for citation in _cited(said):
                yield self._delta({"citation": citation})
        for call in said.get("tool_calls") or ():
            if "id" in call:
                yield from self._open("tool", always=True)
                start = {"toolUse": {"toolUseId": call["id"], "name": call["function"]["name"]}}
                yield event("contentBlockStart", {"contentBlockIndex": self.index, "start": start})
            if arguments := call["function"].get("arguments"):
                yield self._delta({"toolUse": {"input": arguments}})
        if reason is not None:
            yield from self._close()
            yield event("messageStop", {"stopReason": "refusal" if self.is_declined else _REASONS[reason]})

    def _open(self, kind: str, always: bool = False) -> Iterator[bytes]:
        if always or kind != self.kind:
            yield from self._close()
            self.index, self.kind = self.index + 1, kind

    def _close(self) -> Iterator[bytes]:
        if self.kind == "reasoning":
            yield self._delta({"reasoningContent": {"signature": PROOF}})
        if self.kind:
            yield event("contentBlockStop", {"contentBlockIndex": self.index})
        self.kind = ""

    def _delta(self, delta: Mapping[str, Any]) -> bytes:
        return event("contentBlockDelta", {"contentBlockIndex": self.index, "delta": delta})
