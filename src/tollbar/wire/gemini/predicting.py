"""Vectors of texts as Vertex AI has them: `:predict`, the form of all its models that are not asked for content.

Reference: the text embeddings API of Vertex AI. Each text is an instance, each vector a prediction with its own count.
"""

from collections.abc import Mapping
from typing import Any

from tollbar.domain.errand import Texts, Vectors
from tollbar.domain.usage import Usage
from tollbar.wire.asked import Asked
from tollbar.wire.embeddings import document, vectors_of
from tollbar.wire.forwarded import usage_in
from tollbar.wire.writing import encoded


def asking_vertex(texts: Texts) -> Asked:
    """What asks for the vectors of texts. One that is too long is an error, as elsewhere, and not cut short."""
    parameters: dict[str, Any] = {"autoTruncate": False}
    if texts.dimensions is not None:
        parameters["outputDimensionality"] = texts.dimensions
    return Asked(
        encoded({"instances": [{"content": text} for text in texts.inputs], "parameters": parameters}), texts.unmodelled
    )


def hear_vertex(model: str, raw: bytes, count: int) -> Vectors:
    """The vectors in an answer, which names no model; raises UpstreamFailed when some are missing."""
    found = document(raw).get("predictions")
    each = [_object(one, "embeddings") for one in found] if isinstance(found, list) else None
    values = None if each is None else [one.get("values") for one in each]
    return Vectors(model, vectors_of(values, count), _usage(each or ()))


def _usage(each: "list[Mapping[str, Any]] | tuple[()]") -> Usage | None:
    """The tokens of all texts; None where those of one are not told."""
    counts = [_object(one, "statistics").get("token_count") for one in each]
    whole = [round(count) for count in counts if isinstance(count, int | float) and 0 <= count < 2**53]
    return usage_in({"prompt_tokens": sum(whole)}) if whole and len(whole) == len(counts) else None


def _object(told: object, name: str) -> Mapping[str, Any]:
    found = told.get(name) if isinstance(told, dict) else None
    return found if isinstance(found, dict) else {}
