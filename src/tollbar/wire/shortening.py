"""A request with another length of its answer, in the caller's own bytes: all else stays as it came."""

from collections.abc import Sequence

import msgspec

from tollbar.domain.completion import CompletionRequest
from tollbar.wire.body import Body, scan, splice

FREE = "simple"
"""What is always translated says its length outside its bytes."""
NAMES = {
    "openai": ("max_completion_tokens", "max_tokens"),
    "completions": ("max_tokens",),
    "responses": ("max_output_tokens",),
    "anthropic": ("max_tokens",),
}
"""What each dialect calls it; OpenAI's chat has two words for it."""
_GEMINI = ("generationConfig", "generation_config"), ("maxOutputTokens", "max_output_tokens")
_OLLAMA = ("options",), ("num_predict",)
NESTED = {
    "gemini": _GEMINI,
    "gemini, as an array": _GEMINI,
    "ollama": _OLLAMA,
    "ollama_generate": _OLLAMA,
}
"""Where it stands within a member: the spellings of that, and its own."""


def shortened(request: CompletionRequest, tokens: int) -> CompletionRequest | None:
    """The request for an answer of so many tokens; None in a dialect whose bytes cannot say that.

    Where the caller named no length in OpenAI's chat, the provider writes it under the name that it knows.
    """
    source = request.source
    if request.errand is not None:
        return None
    if source.wire == FREE:
        return request._replace(max_tokens=tokens)
    body = Body(source.raw, source.spans)
    if source.wire in NESTED:
        written = _nested(body, *NESTED[source.wire], msgspec.json.encode(tokens))
    elif source.wire in NAMES:
        names = NAMES[source.wire]
        present = _present(body, names)
        if not present and len(names) > 1:
            return request._replace(max_tokens=tokens, adds_limit=True)
        written = splice(body, {name: msgspec.json.encode(tokens) for name in present or names})
    else:
        return None
    return request._replace(max_tokens=tokens, source=source._replace(raw=written, spans=scan(written).spans))


def _nested(body: Body, outer: Sequence[str], inner: Sequence[str], tokens: bytes) -> bytes:
    place = (_present(body, outer) or outer)[0]
    held = scan(body.value(place) or b"{}") if _present(body, outer) else scan(b"{}")
    name = (_present(held, inner) or inner)[0]
    return splice(body, {place: splice(held, {name: tokens})})


def _present(body: Body, names: Sequence[str]) -> Sequence[str]:
    return [name for name in names if body.value(name) not in (None, b"null")]
