"""Reads from what a provider says in the Responses API, none of which need be as it should."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from tollbar.domain.errors import StreamBroken
from tollbar.domain.messages import Citation
from tollbar.domain.usage import Usage, possible

_TRANSIENT = frozenset({"", "server_error", "rate_limit_exceeded"})


def read(data: bytes) -> Mapping[str, Any]:
    """A frame or document; raises StreamBroken when it is no JSON object."""
    try:
        try:
            document = msgspec.json.decode(data)
        except msgspec.DecodeError:  # a lone surrogate, which JSON allows
            document = json.loads(data)
    except (ValueError, RecursionError):
        raise StreamBroken("The provider sent a frame that is no JSON.", is_retryable=True) from None
    if not isinstance(document, dict):
        raise StreamBroken("The provider sent a frame that is no JSON object.", is_retryable=True)
    return document


def failure(told: Mapping[str, Any]) -> StreamBroken:
    """The error that a frame or a response tells of."""
    error = object_in(told, "error") or object_in(object_in(told, "response"), "error") or told
    message = text_in(error, "message")[:300] or "it does not say which"
    is_retryable = text_in(error, "code") in _TRANSIENT
    return StreamBroken(f"The provider answered with an error: {message}", is_retryable=is_retryable)


def usage_of(response: Mapping[str, Any]) -> Usage | None:
    """The usage report of a response, impossible figures read as the nearest possible; None when it holds none."""
    usage = object_in(response, "usage")
    if not usage:
        return None
    prompt, answer = object_in(usage, "input_tokens_details"), object_in(usage, "output_tokens_details")
    return Usage(
        prompt_tokens=_figure(usage, "input_tokens"),
        completion_tokens=_figure(usage, "output_tokens"),
        cached_read_tokens=_figure(prompt, "cached_tokens"),
        cached_write_tokens=_figure(prompt, "cache_write_tokens"),
        reasoning_tokens=_figure(answer, "reasoning_tokens"),
    )


def citation_of(annotation: Mapping[str, Any]) -> Citation:
    """A `url_citation`."""
    start, end = (value if isinstance(value := annotation.get(f"{name}_index"), int) else None for name in _BOUNDS)
    return Citation(text_in(annotation, "url") or None, text_in(annotation, "title") or None, None, start, end)


_BOUNDS = ("start", "end")


def object_in(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object by its name; empty where there is none."""
    value = told.get(name)
    return value if isinstance(value, dict) else {}


def objects_in(told: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list by its name."""
    value = told.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def number_in(told: Mapping[str, Any], name: str) -> int:
    """A whole number by its name; 0 where there is none."""
    value = told.get(name)
    return value if isinstance(value, int) else 0


def text_in(told: Mapping[str, Any], name: str) -> str:
    """A text by its name, each half of a surrogate pair in it replaced; empty where there is none."""
    value = told.get(name)
    return mended(value) if isinstance(value, str) else ""


def mended(text: str) -> str:
    """The same text with U+FFFD for each half of a surrogate pair."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _figure(told: Mapping[str, Any], name: str) -> int:
    return possible(number_in(told, name))
