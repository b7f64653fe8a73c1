"""The fake provider's answers to what is no completion: vectors, pictures, sound, moderation, ranking.

A text's vector is (its length, 0.5). The model's name chooses a script of the table where the answer shall misbehave;
`no-usage` leaves out the usage.
"""

import json
import struct
from base64 import b64encode
from typing import Any

from tests.upstream_scripts import Script
from tests.upstream_table import SCRIPTS

PATHS = (
    *("/v1/embeddings", "/api/embed", "/api/embeddings", "/v1/moderations", "/v1/images/generations", "/v1/rerank"),
    *("/v1/images/edits", "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/translations"),
)
TOKENS = 7
SOUND = b"ID3\x04\x00 not really sound \xff\xfb"


def is_scripted(model: str) -> bool:
    """Whether a model's name says that the answer shall misbehave."""
    name = model.partition(":")[0]
    return name.startswith("error-") or name in SCRIPTS.keys() - {"ok", "no-usage"}


def answer(path: str, body: bytes, model: str) -> Script:
    """A good answer."""
    if path == "/v1/audio/speech":
        return Script(headers=(("content-type", "audio/mpeg"),), pieces=(SOUND,))
    told = _told(path, json.loads(body) if body.startswith(b"{") else {})
    if "no-usage" in model or "no-usage" in body.decode("latin-1"):
        told = {name: value for name, value in told.items() if name not in {"usage", "prompt_eval_count"}}
    return Script(pieces=(json.dumps(told).encode(),))


def answer_google(method: str, body: bytes) -> Script:
    """A good answer in Google's shapes."""
    asked = json.loads(body)
    if method == "predict":
        told = [{"values": vector(one["content"]), "statistics": {"token_count": 3}} for one in asked["instances"]]
        return Script(pieces=(json.dumps({"predictions": [{"embeddings": one} for one in told]}).encode(),))
    each = asked["requests"] if method == "batchEmbedContents" else [asked]
    values = [{"values": vector(one["content"]["parts"][0]["text"])} for one in each]
    told = {"embeddings": values} if method == "batchEmbedContents" else {"embedding": values[0]}
    return Script(pieces=(json.dumps({**told, "usageMetadata": {"promptTokenCount": TOKENS}}).encode(),))


def vector(text: object) -> list[float]:
    """The vector of a text."""
    return [float(len(str(text))), 0.5]


def _told(path: str, asked: dict[str, Any]) -> dict[str, Any]:
    texts = asked.get("input", asked.get("prompt"))
    vectors = [vector(text) for text in (texts if isinstance(texts, list) else [texts])]
    match path:
        case "/v1/embeddings":
            packed = asked.get("encoding_format") == "base64"
            data = [
                {"object": "embedding", "index": index, "embedding": _packed(one) if packed else one}
                for index, one in enumerate(vectors)
            ]
            usage = {"prompt_tokens": TOKENS, "total_tokens": TOKENS}
            return {"object": "list", "data": data[::-1], "model": "fake-embed", "usage": usage}
        case "/api/embed":
            return {"model": "fake-embed", "embeddings": vectors, "total_duration": 5, "prompt_eval_count": TOKENS}
        case "/api/embeddings":
            return {"embedding": vectors[0]}
        case "/v1/rerank":
            return {"results": [{"index": 0, "relevance_score": 0.9}], "usage": {"total_tokens": TOKENS}}
        case "/v1/moderations":
            return {"id": "modr-1", "model": "fake", "results": [{"flagged": False}]}
        case _ if "images" in path:
            usage = {"input_tokens": TOKENS, "output_tokens": 100, "total_tokens": TOKENS + 100}
            return {"created": 1, "data": [{"b64_json": "AAAA"}], "usage": usage}
    return {"text": "What was said.", "usage": {"type": "tokens", "input_tokens": TOKENS, "output_tokens": 4}}


def _packed(values: list[float]) -> str:
    return b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
