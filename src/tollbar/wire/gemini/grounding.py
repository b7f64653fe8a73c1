"""What an answer rests on, in Google's words and ours.

Google counts the bytes of the answer's text, in UTF-8; citations here count its characters.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tollbar.domain.messages import Citation
from tollbar.wire.loose import an_object, objects, text

_SOURCES = ("web", "retrievedContext", "maps")


def citations(candidate: Mapping[str, Any], said: str) -> Iterator[Citation]:
    """The citations of a candidate that has said so much."""
    raw = said.encode("utf-8", "surrogatepass")
    grounding = an_object(candidate.get("groundingMetadata"))
    sources = [_source(chunk) for chunk in objects(grounding.get("groundingChunks"))]
    supports = objects(grounding.get("groundingSupports"))
    if not supports:
        yield from (source for source in sources if source is not None)
    for support in supports:
        start, end = _span(raw, an_object(support.get("segment")))
        indices = support.get("groundingChunkIndices")
        for index in indices if isinstance(indices, list) else ():
            source = sources[index] if isinstance(index, int) and 0 <= index < len(sources) else None
            if source is not None:
                yield Citation(source.url, source.title, source.quote, start, end)
    for cited in objects(an_object(candidate.get("citationMetadata")).get("citations")):
        start, end = _span(raw, cited)
        yield Citation(text(cited.get("uri")) or None, text(cited.get("title")) or None, None, start, end)


def grounding_metadata(cited: Sequence[Citation], said: str) -> dict[str, object]:
    """Citations of an answer that has said so much."""
    chunks: list[dict[str, object]] = []
    supports: list[dict[str, object]] = []
    for index, citation in enumerate(cited):
        known = {"uri": citation.url, "title": citation.title, "text": citation.quote or None}
        kind = "retrievedContext" if citation.quote else "web"  # which has no place for what a source says
        chunks.append({kind: {name: value for name, value in known.items() if value is not None}})
        if citation.end is not None:
            start = citation.start or 0
            segment = {
                "startIndex": _size(said[:start]),
                "endIndex": _size(said[: citation.end]),
                "text": said[start : citation.end],
            }
            supports.append({"segment": segment, "groundingChunkIndices": [index]})
        elif supports or any(one.end is not None for one in cited):
            supports.append({"segment": {}, "groundingChunkIndices": [index]})
    return {"groundingChunks": chunks, **({"groundingSupports": supports} if supports else {})}


def _source(chunk: Mapping[str, Any]) -> Citation | None:
    found = next((an_object(chunk[kind]) for kind in _SOURCES if kind in chunk), None)
    if found is None:
        return None
    return Citation(text(found.get("uri")) or None, text(found.get("title")) or None, text(found.get("text")) or None)


def _span(raw: bytes, segment: Mapping[str, Any]) -> tuple[int | None, int | None]:
    start, end = segment.get("startIndex", 0), segment.get("endIndex")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start <= end:
        return None, None
    return tuple(len(raw[:place].decode("utf-8", "ignore")) for place in (start, end))  # type: ignore[return-value]


def _size(words: str) -> int:
    return len(words.encode("utf-8", "surrogatepass"))
