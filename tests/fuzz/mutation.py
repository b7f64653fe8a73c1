"""Inputs that are nearly right: JSON with something wrong in it, frames in the wrong order, bytes that slipped.

mutant = Mutator(Random(1), pool)
mutant.body(b'{"model":"m"}')            # a body, of which one to four things are changed
mutant.answer(b'data: {"a":1}\\n\\n')      # the same of a document, or of a stream's frames
"""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random
from typing import Any

DEEP: Any = []
for _ in range(70):
    DEEP = [DEEP]
STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 7, 2**31, 2**53 + 1, 2**63, 2**64, 10**25, -(2**63), 1.5, -0.0, 1e308, 1e-320),
    *(float("nan"), float("inf"), "", " ", "a", "0", "null", "\ud800", "\udc00a", "a\x00b", "é💥\u2028", "x" * 300),
    *("data:image/png;base64,AAAA", "data:;base64,", "https://[", "gs://x", "{}", "[", '{"a":', "length", "stop"),
    *([], {}, [[]], [{}], [None], {"": None}, {"type": None}, {"type": "text"}, [1, "a", None], DEEP),
)
MARKS = (b'"', b"{", b"}", b"[", b"]", b",", b"\\", b"\\u", b"\x00", b"\xff", b"\n", b"\r\n", b"\n\n", b"data: ", b":")


class Mutator:
    """Changes inputs at random; pieces of the others in the pool end up in them."""

    def __init__(self, random: Random, pool: Sequence[bytes]) -> None:
        self._random = random
        found = [value for raw in pool for piece in _frames(raw) if (value := _read(_data(piece))) is not None]
        self._values = found or [{}]
        self._names = sorted({name for value in found for name in _names_in(value)}) or ["a"]

    def body(self, raw: bytes) -> bytes:
        """A body, changed; one that is no JSON is changed as bytes."""
        value = _read(raw)
        if value is None or self._random.random() < 0.05:
            return self._slipped(raw)
        changed = self._written(self._changed(value))
        return self._slipped(changed) if self._random.random() < 0.08 else changed

    def answer(self, raw: bytes) -> bytes:
        """A document, or a stream of which frames are changed, lost, told twice or told elsewhere."""
        frames = _frames(raw)
        if len(frames) < 2:
            return self.body(raw)
        for _ in range(self._random.choice((1, 1, 2, 3))):
            self._change_frames(frames)
        told = b"".join(frames)
        return self._slipped(told) if self._random.random() < 0.1 else told

    def cuts(self, raw: bytes) -> list[bytes]:
        """The same bytes as they may arrive."""
        if len(raw) < 400 and self._random.random() < 0.2:
            return [raw[place : place + 1] for place in range(len(raw))]
        places = sorted(self._random.randint(0, len(raw)) for _ in range(self._random.randint(1, 6)))
        return [raw[start:end] for start, end in zip([0, *places], [*places, len(raw)], strict=True)]

    def _change_frames(self, frames: list[bytes]) -> None:
        place = self._random.randrange(len(frames)) if frames else 0
        match self._random.random() if frames else 1.0:
            case chance if chance < 0.6:
                data = _data(frames[place])
                value = _read(data)
                if value is not None:
                    frames[place] = frames[place].replace(data, self._written(self._changed(value)), 1)
            case chance if chance < 0.7:
                del frames[place]
            case chance if chance < 0.8:
                frames.insert(place, frames[self._random.randrange(len(frames))])
            case chance if chance < 0.9:
                other = self._random.randrange(len(frames))
                frames[place], frames[other] = frames[other], frames[place]
            case _:
                value = self._written(self._random.choice(self._values))
                ndjson = bool(frames) and not frames[0].startswith((b"data", b"event", b":"))
                frames.insert(place, value + b"\n" if ndjson else b"data: " + value + b"\n\n")

    def _changed(self, value: Any) -> Any:
        value = deepcopy(value)
        for _ in range(self._random.choice((1, 1, 1, 2, 4))):
            places = list(_places(value))
            if not places:
                return self._random.choice(STRANGE)
            inner, key = self._random.choice(places)
            self._change(inner, key)
        return value

    def _change(self, inner: Any, key: Any) -> None:
        match self._random.randrange(8):
            case 0 | 1 | 2:
                inner[key] = deepcopy(self._random.choice(STRANGE))
            case 3:
                del inner[key]
            case 4:
                other = self._random.choice(list(_places(self._random.choice(self._values))) or [([0], 0)])
                inner[key] = deepcopy(other[0][other[1]])
            case 5 if isinstance(inner, dict):
                inner[self._random.choice(self._names)] = inner.pop(key)
            case 6 if isinstance(inner, dict):
                inner[self._random.choice(self._names)] = deepcopy(self._random.choice(STRANGE))
            case _:
                inner[key] = [inner[key]] * 2 if self._random.random() < 0.5 else {"": inner[key]}

    def _slipped(self, raw: bytes) -> bytes:
        """Bytes lost, doubled, inserted or turned."""
        place, other = self._random.randint(0, len(raw)), self._random.randint(0, len(raw))
        low, high = min(place, other), max(place, other)
        changes: tuple[Callable[[], bytes], ...] = (
            lambda: raw[:low] + raw[min(high, low + 8) :],
            lambda: raw[:place],
            lambda: raw[:place] + self._random.choice(MARKS) + raw[place:],
            lambda: raw[:high] + raw[low:],
            lambda: raw[:place] + bytes([self._random.randrange(256)]) + raw[place + 1 :],
        )
        return self._random.choice(changes)()

    def _written(self, value: Any) -> bytes:
        compact = (",", ":") if self._random.random() < 0.7 else (", ", ": ")
        return json.dumps(value, separators=compact, ensure_ascii=self._random.random() < 0.9).encode(
            "utf-8", "surrogatepass"
        )


def _frames(raw: bytes) -> list[bytes]:
    """The frames of a stream of events or lines; a document is one."""
    if raw.startswith((b"data:", b"event:", b":")):
        return [piece + b"\n\n" for piece in raw.replace(b"\r\n", b"\n").split(b"\n\n") if piece]
    return raw.splitlines(keepends=True)


def _data(frame: bytes) -> bytes:
    return frame.rpartition(b"data: ")[2].strip()


def _read(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _places(value: Any) -> Any:
    """Where each value within a value stands: in what, and at which key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _names_in(value: Any) -> Any:
    return (key for inner, key in _places(value) if isinstance(inner, dict))
