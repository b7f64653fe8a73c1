"""The least that must be read of a provider's frame or document: what was said, by whom it is finished, and usage.

Half a microsecond a frame: a typed struct of a few fields. msgspec refuses some JSON that is legal (a lone surrogate);
such a frame is read with the standard library instead.
"""

import json
from collections.abc import Collection, Sequence
from functools import partial
from itertools import chain, compress
from operator import attrgetter, is_not
from typing import NamedTuple

import msgspec

from tollbar.domain.errors import StreamBroken
from tollbar.domain.usage import Usage, possible

_NULL = msgspec.Raw(b"null")
_EMPTY = len(_NULL)


class _PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class _CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Said(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: msgspec.Raw = _NULL  # never `Raw | None`, which accepts nothing but null
    function_call: msgspec.Raw = _NULL
    audio: msgspec.Raw = _NULL


class Choice(msgspec.Struct, gc=False):
    """One choice as far as metering reads it."""

    index: int = 0
    finish_reason: str | None = None
    delta: _Said | None = None
    message: _Said | None = None


class Frame(msgspec.Struct, gc=False):
    """One frame or document as far as metering reads it."""

    choices: list[Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = _NULL


class _PlainSaid(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    role: str | None = None
    content: str | None = None
    refusal: None = None
    reasoning_content: None = None
    reasoning: None = None
    tool_calls: None = None
    function_call: None = None


class _PlainChoice(msgspec.Struct, gc=False):
    delta: _PlainSaid
    index: int = 0
    finish_reason: str | None = None


class _PlainFrame(msgspec.Struct, gc=False):
    choices: list[_PlainChoice]
    usage: _Usage | None = None
    error: None = None


class Skimmed(NamedTuple):
    """What some frames say together: which choices spoke and which ended, how much, and their usage reports.

    A report comes with the place of its frame, and with whether that holds nothing else.
    """

    indexes: set[int]
    finished: Collection[int]
    output_bytes: int
    reports: Sequence[tuple[int, Usage, bool]]


_DECODE = msgspec.json.Decoder(Frame).decode
_GLANCE = msgspec.json.Decoder(_PlainFrame).decode
_SKIM = msgspec.json.Decoder(list[_PlainFrame]).decode
_CHOICES, _USAGE = attrgetter("choices"), attrgetter("usage")
_IS_SOMETHING = partial(is_not, None)
_INDEX, _REASON, _CONTENT = attrgetter("index"), attrgetter("finish_reason"), attrgetter("delta.content")


def read(data: bytes) -> Frame:
    """Reads a frame or document; raises StreamBroken when it is no JSON object, or tells of an error."""
    try:
        frame = _DECODE(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        frame = _read_leniently(data)
    if frame.error is not _NULL and frame.error != _NULL:
        raise StreamBroken(f"The provider answered with an error: {_message(bytes(frame.error))}", is_retryable=True)
    return frame


def glance(payload: bytes) -> tuple[int, int] | None:
    """The choice and the bytes of content of a plain frame that holds words and nothing else; None of any other."""
    try:
        frame = _GLANCE(payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if frame.usage is not None or len(frame.choices) != 1:
        return None
    (choice,) = frame.choices
    content = choice.delta.content
    return None if choice.finish_reason is not None or content is None else (choice.index, size_of(content))


def skim(array: bytes, count: int) -> Skimmed | None:
    """What so many plain frames say, read together as one array; None when one of them is not plain: see `skim_each`.

    A frame is plain that holds words, an end or a usage report and nothing else, which nearly every one is. It is what
    it seems only if there are as many as there were frames: one could pretend to be two.
    """
    try:
        frames = _SKIM(array)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if len(frames) != count:
        return None
    choices = list(chain.from_iterable(map(_CHOICES, frames)))
    words = "".join(filter(None, map(_CONTENT, choices)))
    reasons = list(map(_REASON, choices))
    finished: Collection[int] = ()
    if reasons.count(None) < len(reasons):
        finished = list(compress(map(_INDEX, choices), map(_IS_SOMETHING, reasons)))
    told = list(map(_USAGE, frames))
    reports: Sequence[tuple[int, Usage, bool]] = ()
    if any(told):
        reports = [
            (place, _usage(told[place]), not frames[place].choices) for place in compress(range(len(told)), told)
        ]
    return Skimmed(set(map(_INDEX, choices)), finished, size_of(words), reports)


def together(first: Skimmed, count: int, second: Skimmed) -> Skimmed:
    """What `count` frames and those after them say together."""
    return Skimmed(
        first.indexes | second.indexes,
        [*first.finished, *second.finished],
        first.output_bytes + second.output_bytes,
        [*first.reports, *((count + place, usage, is_alone) for place, usage, is_alone in second.reports)],
    )


def skim_each(payloads: Sequence[bytes | None]) -> Skimmed:
    """The same for the data of frames of any kind, None of one without; raises as `read` does."""
    indexes: set[int] = set()
    finished: list[int] = []
    size = 0
    reports: list[tuple[int, Usage, bool]] = []
    for place, data in enumerate(payloads):
        if data is None:
            continue
        frame = read(data)
        for choice in frame.choices or ():
            indexes.add(choice.index)
            size += output_bytes(choice)
            if choice.finish_reason is not None:
                finished.append(choice.index)
        if frame.usage is not None:
            reports.append((place, _usage(frame.usage), not frame.choices))
    return Skimmed(indexes, finished, size, reports)


def output_bytes(choice: Choice) -> int:
    """How many bytes of content a choice holds: text, reasoning, refusal, tool calls and audio."""
    said = choice.delta or choice.message
    if said is None:
        return 0
    # Nearly every frame is a piece of text and nothing else.
    content = said.content
    size = 0 if not content else len(content) if content.isascii() else size_of(content)
    if said.reasoning_content or said.reasoning or said.refusal:
        size += size_of(said.reasoning_content or said.reasoning or "") + size_of(said.refusal or "")
    if said.tool_calls is not _NULL or said.function_call is not _NULL or said.audio is not _NULL:
        size += sum(len(raw) for raw in (said.tool_calls, said.function_call, said.audio) if len(raw) > _EMPTY)
    return size


def size_of(text: str) -> int:
    """How many bytes a text is."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def usage(frame: Frame) -> Usage | None:
    """The usage report of a frame; None when it holds none."""
    return None if frame.usage is None else _usage(frame.usage)


def _usage(report: _Usage) -> Usage:
    """A report with impossible figures read as the nearest possible."""
    prompt, completion = report.prompt_tokens_details, report.completion_tokens_details
    return Usage(
        prompt_tokens=_figure(report.prompt_tokens),
        completion_tokens=_figure(report.completion_tokens),
        cached_read_tokens=_figure(prompt.cached_tokens) if prompt else 0,
        cached_write_tokens=_figure(prompt.cache_write_tokens) if prompt else 0,
        reasoning_tokens=_figure(completion.reasoning_tokens) if completion else 0,
        audio_prompt_tokens=_figure(prompt.audio_tokens) if prompt else 0,
        audio_completion_tokens=_figure(completion.audio_tokens) if completion else 0,
    )


def _figure(told: int | None) -> int:
    return possible(told or 0)


def _message(error: bytes) -> str:
    try:
        told = json.loads(error)
    except (ValueError, RecursionError):  # no text, or nested too deep
        return "one that cannot be told"
    text = told.get("message", told) if isinstance(told, dict) else told
    return str(text)[:300]


def _read_leniently(data: bytes) -> Frame:
    """Reads what the typed decoder refused: legal but unusual JSON is counted by bytes, anything else is a fault."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise StreamBroken("The provider sent a frame that is no JSON.", is_retryable=True) from None
    if not isinstance(document, dict):
        raise StreamBroken("The provider sent a frame that is no JSON object.", is_retryable=True)
    listed = document.get("choices")
    choices = [_lenient_choice(choice) for choice in listed] if isinstance(listed, list) else None
    if choices:
        choices[0].delta = _Said(content=data.decode("utf-8", "replace"))
    error = document.get("error")
    return Frame(
        choices=choices,
        usage=_lenient(document.get("usage"), _Usage),
        error=_NULL if error is None else msgspec.Raw(json.dumps(error).encode()),
    )


def _lenient_choice(choice: object) -> Choice:
    fields = choice if isinstance(choice, dict) else {}
    index, reason = fields.get("index"), fields.get("finish_reason")
    return Choice(
        index=index if isinstance(index, int) else 0,
        finish_reason=None if reason is None else str(reason),
    )


def _lenient(value: object, kind: type[_Usage]) -> _Usage | None:
    try:
        return None if value is None else msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeError):  # the latter where it quotes half of a surrogate pair
        return None
