"""Google's `usageMetadata`, read and written.

There thoughts are counted beside the answer, and what built-in tools read beside the prompt; here both are parts.
"""

from collections.abc import Mapping
from typing import Any

from tollbar.domain.usage import Usage, possible
from tollbar.wire.loose import count, objects


def read_usage(told: Mapping[str, Any]) -> Usage:
    """A report, impossible figures read as the nearest possible."""
    prompt = _figure(told, "promptTokenCount") + _figure(told, "toolUsePromptTokenCount")
    answer, thoughts = _figure(told, "candidatesTokenCount"), _figure(told, "thoughtsTokenCount")
    is_within = thoughts > 0 and _figure(told, "totalTokenCount") == prompt + answer  # as some models count
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=answer if is_within else answer + thoughts,
        cached_read_tokens=_figure(told, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
        audio_prompt_tokens=_sound(told.get("promptTokensDetails")),
        audio_completion_tokens=_sound(told.get("candidatesTokensDetails")),
    )


def usage_metadata(usage: Usage) -> dict[str, object]:
    """A report in Google's words; what is zero is left out, as it is there."""
    answer = max(0, usage.completion_tokens - usage.reasoning_tokens)
    told: dict[str, object] = {
        "promptTokenCount": usage.prompt_tokens,
        "candidatesTokenCount": answer,
        "totalTokenCount": usage.total_tokens,
    }
    if usage.cached_read_tokens:
        told["cachedContentTokenCount"] = usage.cached_read_tokens
    if usage.reasoning_tokens:
        told["thoughtsTokenCount"] = usage.reasoning_tokens
    if usage.audio_prompt_tokens:
        told["promptTokensDetails"] = _details(usage.prompt_tokens, usage.audio_prompt_tokens)
    if usage.audio_completion_tokens:
        told["candidatesTokensDetails"] = _details(answer, usage.audio_completion_tokens)
    return told


def _figure(told: Mapping[str, Any], name: str) -> int:
    return possible(count(told.get(name)))


def _sound(details: object) -> int:
    return sum(_figure(one, "tokenCount") for one in objects(details) if one.get("modality") == "AUDIO")


def _details(total: int, sound: int) -> list[dict[str, object]]:
    text: dict[str, object] = {"modality": "TEXT", "tokenCount": max(0, total - sound)}
    return [text, {"modality": "AUDIO", "tokenCount": sound}]
