"""A JSON body as its top-level members, each with the place where its value lies.

Guarantees: one linear scan refuses invalid UTF-8, deep nesting and endless numbers before anything is built; and the
members found are exactly the body, in order, so nothing can hide behind a second `model` or an escaped name. Values
stay raw bytes: what nobody reads is never parsed.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

import msgspec

from tollbar.domain.errors import InvalidJson, InvalidType, InvalidValue

MAX_DEPTH = 64
MAX_DIGITS = 20
MAX_MEMBERS = 1_000

_LONG_NUMBER = b"0" * (MAX_DIGITS + 1)
_OPEN, _SHUT, _COMMA, _QUOTE, _ZERO, _SPACE = b'[],"0 '
_KEPT = {**dict.fromkeys(b"[{", _OPEN), **dict.fromkeys(b"]}", _SHUT), **dict.fromkeys(b"0123456789", _ZERO)}
_MARKS = bytes((_KEPT | {_QUOTE: _QUOTE, _COMMA: _COMMA}).get(byte, _SPACE) for byte in range(256))
_STEPS = bytes({_OPEN: 1, _SHUT: 255}.get(byte, 0) for byte in range(256))
_WINDOW = 65_536
_FEW = 1_000
_AROUND = len(b'"":,')
"""What a member takes beside its name and its value, at the least."""
# Possessive throughout: whatever the bytes, nothing is tried twice and nothing is remembered for another try.
_MEMBER = re.compile(rb'[ \t\r\n]*+([{,])[ \t\r\n]*+"((?:[^"\\]++|\\.)*+)"[ \t\r\n]*+:[ \t\r\n]*+', re.DOTALL)
_CLOSE = re.compile(rb"[ \t\r\n]*+\{?[ \t\r\n]*+\}[ \t\r\n]*+")
_DECODE = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_DECODE_ITEMS = msgspec.json.Decoder(list[msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a JSON object and the (start, end) of each top-level value."""

    raw: bytes
    spans: Mapping[str, tuple[int, int]]

    def __contains__(self, name: str) -> bool:
        return name in self.spans

    def value(self, name: str) -> bytes | None:
        """The raw bytes of a member's value; None when the member is absent."""
        span = self.spans.get(name)
        return None if span is None else self.raw[span[0] : span[1]]


def scan(raw: bytes) -> Body:
    """The members of the JSON object in `raw`; raises InvalidJson, InvalidType or InvalidValue with what is wrong."""
    _check_text(raw)
    try:
        values = _DECODE(raw)
    except msgspec.ValidationError:
        raise InvalidType("The body must be a JSON object.") from None
    except msgspec.DecodeError as fault:
        values = _decode_leniently(raw, fault)
    if len(values) > MAX_MEMBERS:
        raise InvalidValue(f"The body has more than {MAX_MEMBERS} fields.", details={"max": MAX_MEMBERS})
    return Body(raw, _locate(raw, values))


def splice(body: Body, replacements: Mapping[str, bytes]) -> bytes:
    """The body with some values replaced or, where the member is absent, added at the end; all else byte for byte."""
    raw, spans = body.raw, body.spans
    absent = [b',"%b":%b' % (name.encode(), value) for name, value in replacements.items() if name not in spans]
    present = [(spans[name], value) for name, value in replacements.items() if name in spans]
    if absent:
        added = b"".join(absent)
        brace = raw.rindex(b"}")
        raw = b"%b%b%b" % (raw[:brace], added if spans else added[1:], raw[brace:])
    for (start, end), value in sorted(present, reverse=True):  # from the end on, so that places before it stay
        raw = b"%b%b%b" % (raw[:start], value, raw[end:])
    return raw


def refuse_look_alikes(body: Body, modelled: Collection[str]) -> None:
    """A field that differs from one of ours only by case could be read by a provider and not by us: refused."""
    names = "".join(body.spans)
    if names.islower() and names.isascii():
        return
    for name in body.spans:
        lowered = name.casefold()  # and not lower(): Go's decoder takes `ſtream` for `stream`
        if name != lowered and lowered in modelled:
            raise InvalidValue(
                f"The field {name[:64]!r} is not known.", field=name[:64], hint=f"Did you mean {lowered!r}?"
            )


def structure(raw: bytes) -> Iterator[bytes]:
    """The body's brackets (as `[` and `]`), commas and digits (as `0`), a window at a time, without any in strings."""
    marks = raw.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_MARKS)
    inside = 0
    for start in range(0, len(marks), _WINDOW):
        pieces = marks[start : start + _WINDOW].split(b'"')
        yield b'"'.join(pieces[inside::2])
        inside ^= (len(pieces) - 1) & 1


def items(raw: bytes) -> int:
    """How many items a valid JSON array has; none of them is built when there may be many."""
    if raw.count(b",") < _FEW:
        try:
            return len(_DECODE_ITEMS(raw))
        except msgspec.DecodeError:  # a lone surrogate, see below
            pass
    commas = depth = 0
    for block in structure(raw):
        marks = block.translate(None, b'"0 ')
        levels = _depths(marks, depth)
        commas += sum(mark == _COMMA and level == 1 for mark, level in zip(marks, levels, strict=False))
        depth = levels[-1]
    return commas + 1 if commas or raw[1:-1].strip() else 0


def _depths(marks: bytes, before: int) -> list[int]:
    """How deep the nesting is before the first of some marks of `structure`, and after each of them."""
    return list(accumulate(memoryview(marks.translate(_STEPS)).cast("b"), initial=before))


def _check_text(raw: bytes) -> None:
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as fault:
            raise InvalidJson(f"The body is not UTF-8: byte {fault.start} does not fit.") from None
    too_deep = raw.count(b"[") + raw.count(b"{") > MAX_DEPTH
    if not too_deep and _LONG_NUMBER not in raw.translate(_MARKS):  # a tenth of what a pattern would take
        return
    depth = 0
    tail = b""
    for block in structure(raw):
        levels = _depths(block.translate(None, b'"0, '), depth)
        if max(levels) > MAX_DEPTH:
            raise InvalidJson(f"The body is nested deeper than {MAX_DEPTH} levels.")
        depth = levels[-1]
        if _LONG_NUMBER in tail + block:
            raise InvalidJson(f"The body holds a number of more than {MAX_DIGITS} digits.")
        tail = block[-MAX_DIGITS:]


def _locate(raw: bytes, values: Mapping[str, msgspec.Raw]) -> dict[str, tuple[int, int]]:
    """Where each value lies, having checked that the members are the whole body and none of them twice."""
    spans: dict[str, tuple[int, int]] = {}
    if sum(map(len, values)) + sum(map(len, values.values())) + _AROUND * len(values) + 1 == len(raw):
        # As short as these members can be written: nothing is escaped, doubled or stands between them.
        position = 1
        for name, value in values.items():
            start = position + len(name) + 3
            end = start + len(value)
            spans[name] = start, end
            position = end + 1
        return spans
    position = 0
    next_member = _MEMBER.match
    for name, value in values.items():
        match = next_member(raw, position)
        if match is None or (match[2] != name.encode("utf-8", "surrogatepass") and not _is_escaped(match[2], name)):
            raise _duplicate(raw, position, match)
        start = match.end()
        position = start + len(value)
        if not raw.startswith(bytes(value), start):
            raise _duplicate(raw, start, match)
        spans[name] = start, position
    if _CLOSE.fullmatch(raw, position) is None:
        raise _duplicate(raw, position, _MEMBER.match(raw, position))
    return spans


def _is_escaped(found: bytes, name: str) -> bool:
    """Whether a member's name as it stands in the body is this one, written with escapes."""
    return b"\\" in found and json.loads(b'"' + found + b'"') == name


def _duplicate(raw: bytes, position: int, match: re.Match[bytes] | None) -> InvalidValue:
    found = match[2] if match else raw[position : position + 20]
    name = found.decode(errors="replace")[:64]
    return InvalidValue(f"The field {name!r} is given twice.", field=name, hint="Send each top-level field once.")


def _decode_leniently(raw: bytes, fault: msgspec.DecodeError) -> dict[str, msgspec.Raw]:
    """msgspec refuses a lone surrogate such as `"\\ud800"`, which JSON allows and providers accept."""
    try:
        document = json.loads(raw.decode(), parse_constant=_refuse_constant)  # text: bytes might be taken for UTF-16
    except (ValueError, RecursionError):
        raise InvalidJson(f"The body is not valid JSON: {fault}.") from None
    if not isinstance(document, dict):
        raise InvalidType("The body must be a JSON object.")
    return _raw_values(raw)


def _raw_values(raw: bytes) -> dict[str, msgspec.Raw]:
    """The members of a body already known to be valid JSON, by walking it with the standard decoder."""
    text = raw.decode()
    decoder = json.JSONDecoder()
    values: dict[str, msgspec.Raw] = {}
    position = 0
    while match := _MEMBER_TEXT.match(text, position):
        _, position = decoder.raw_decode(text, match.end())
        name = json.loads(f'"{match[2]}"')
        if name in values:
            raise InvalidValue(f"The field {name!r} is given twice.", field=name)
        values[name] = msgspec.Raw(text[match.end() : position].encode())
    return values


_MEMBER_TEXT = re.compile(_MEMBER.pattern.decode(), re.DOTALL)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")
