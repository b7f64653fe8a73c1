"""Parts of an answer as Anthropic's content blocks."""

import msgspec

from tollbar.domain.messages import Citation, Part, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from tollbar.domain.usage import Usage

CALL_PROOF = "tollbar-call:"
"""What marks a thought without words that is nothing but the proof of the call behind it: calls have no place for one.

Clients send thoughts back as they came, and with them the proof.
"""
_EMPTY_OBJECT = msgspec.Raw(b"{}")


def is_unproven(part: Part) -> bool:
    """Whether a part is a thought that came without its proof, and so cannot go back."""
    return isinstance(part, ThinkingPart) and not part.signature


def is_said(part: Part) -> bool:
    """Whether a part of an earlier message is told again."""
    return part != TextPart("") and not is_unproven(part)


class _Signed(msgspec.Struct):
    signature: str


def block(part: Part) -> dict[str, object]:
    """One part of an answer, whole."""
    match part:
        case ThinkingPart(_, signature, True):
            return {"type": "redacted_thinking", "data": signature or ""}
        case ThinkingPart(text, signature):
            return {"type": "thinking", "thinking": text, "signature": signature or ""}
        case ToolCallPart(call_id, name, arguments):
            return {"type": "tool_use", "id": call_id, "name": name, "input": arguments_object(arguments)}
        case TextPart(text, citations):
            return {"type": "text", "text": text, "citations": list(map(citation, citations)) or None}
        case RefusalPart(text):
            return {"type": "text", "text": text, "citations": None}
        case _:
            return {"type": "text", "text": "", "citations": None}


def call_proof(signature: str) -> dict[str, object]:
    """The block that carries the proof of the call that comes next."""
    return {"type": "thinking", "thinking": "", "signature": CALL_PROOF + signature}


def is_call_proof(told: bytes) -> bool:
    """Whether a block in a request is one of those, and nothing that a model thought."""
    try:
        return msgspec.json.decode(told, type=_Signed).signature.startswith(CALL_PROOF)
    except (msgspec.DecodeError, UnicodeError):
        return False


def citation(cited: Citation) -> dict[str, object]:
    """A source: one with an address as a search result of the web, any other as a place in a document."""
    quote = cited.quote or ""
    if cited.url is not None:
        told = {"type": "web_search_result_location", "url": cited.url, "title": cited.title}
        return {**told, "cited_text": quote, "encrypted_index": ""}
    told = {"type": "char_location", "document_index": 0, "document_title": cited.title, "cited_text": quote}
    return {**told, "start_char_index": 0, "end_char_index": len(quote), "file_id": None}


def arguments_object(text: str) -> object:
    """The arguments of a call, which must be an object here: what is none goes on as the text that the model wrote."""
    if not text.strip():
        return _EMPTY_OBJECT
    return msgspec.Raw(text.encode()) if is_object(text) else {"arguments": text}


def is_object(text: str) -> bool:
    """Whether a text is a whole JSON object."""
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


def usage_object(usage: Usage) -> dict[str, object]:
    """Anthropic's `usage` object: here what was cached is no part of the input."""
    cached = usage.cached_read_tokens + usage.cached_write_tokens
    told: dict[str, object] = {
        "input_tokens": max(0, usage.prompt_tokens - cached),
        "cache_creation_input_tokens": usage.cached_write_tokens,
        "cache_read_input_tokens": usage.cached_read_tokens,
        "output_tokens": usage.completion_tokens,
    }
    if usage.cached_write_hour_tokens:
        short = usage.cached_write_tokens - usage.cached_write_hour_tokens
        by_time = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": usage.cached_write_hour_tokens}
        told["cache_creation"] = by_time
    if usage.reasoning_tokens:
        told["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return told
