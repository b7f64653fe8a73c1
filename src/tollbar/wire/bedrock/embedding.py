"""Vectors of texts from Bedrock, which passes on what each maker's models are asked and answer.

Reference: the pages on Titan's and Cohere's embeddings in Bedrock's user guide. Titan takes one text at a time.
"""

from typing import Any

from tollbar.domain.errand import Texts, Vectors
from tollbar.domain.errors import InvalidValue
from tollbar.wire.asked import Asked
from tollbar.wire.embeddings import document, vectors_of
from tollbar.wire.forwarded import usage_in
from tollbar.wire.writing import encoded

COHERE_PURPOSE = "search_document"
"""What Cohere must be told that the vectors are for, and no caller's dialect says: to be found."""


def asking_embedding(texts: Texts, model: str) -> Asked:
    """What asks a model; raises InvalidValue for one of another maker, or for more texts than it takes at a time."""
    size = texts.dimensions
    if "cohere." in model:
        told: dict[str, Any] = {"texts": list(texts.inputs), "input_type": COHERE_PURPOSE}
        return Asked(encoded(told if size is None else {**told, "output_dimension": size}), texts.unmodelled)
    if "titan-embed" not in model:
        raise InvalidValue(f"{model[:100]!r} is not known to give vectors: Titan's and Cohere's do.", field="model")
    if len(texts.inputs) != 1:
        message = "'input' must be one text for this model, which takes no more at a time."
        raise InvalidValue(message, field="input", hint="Send one request for each text.")
    told = {"inputText": texts.inputs[0]}
    return Asked(encoded(told if size is None else {**told, "dimensions": size}), texts.unmodelled)


def hear_embedding(model: str, raw: bytes, count: int) -> Vectors:
    """The vectors in an answer, which names no model; raises UpstreamFailed when some are missing."""
    told = document(raw)
    found = told.get("embeddings", [told["embedding"]] if "embedding" in told else None)
    values = found.get("float") if isinstance(found, dict) else found
    return Vectors(model, vectors_of(values, count), usage_in({"prompt_tokens": told.get("inputTextTokenCount")}))
