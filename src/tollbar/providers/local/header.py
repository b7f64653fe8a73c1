"""Reads what a GGUF file says about itself, from its head alone: architecture, context, licence, chat template.

The format is little-endian and simple: a magic, counts, then keys with typed values. Arrays (a vocabulary of a hundred
thousand words) are passed over. A file that is cut or is something else is refused in plain words, never half read.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST_KEYS = 10_000
MOST_TEXT_BYTES = 16 << 20
DEEPEST = 3
EMBEDDING_ARCHITECTURES = frozenset(
    {"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert"}
)

_TEXT, _ARRAY = 8, 9
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}

Value = str | int | float | bool


class NoGgufError(ValueError):
    """A file is no GGUF that can be read."""


@dataclass(frozen=True, slots=True)
class Header:
    """The values of a head that are texts and numbers, by key, and how many tensors follow."""

    values: Mapping[str, Value]
    tensors: int

    @property
    def architecture(self) -> str:
        """The family of networks that it is, such as `llama`."""
        return self.text("general.architecture")

    @property
    def is_embedding(self) -> bool:
        """Whether it makes vectors instead of text."""
        return self.architecture in EMBEDDING_ARCHITECTURES or bool(self.number("pooling_type"))

    @property
    def context_tokens(self) -> int | None:
        """The context it was made for."""
        return self.number("context_length")

    def text(self, key: str) -> str:
        """A text by its full key; empty for none."""
        value = self.values.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int | None:
        """A whole number by its key without the architecture before it."""
        value = self.values.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_header(path: Path) -> Header:
    """The head of a file; raises NoGgufError, or OSError when it cannot be read at all."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise NoGgufError(f"{path.name} is no GGUF file")
        with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            try:
                return _read(_Reader(data, len(MAGIC)), path.name)
            except (struct.error, UnicodeDecodeError, EOFError, KeyError) as fault:
                raise NoGgufError(f"{path.name} is cut off, or damaged, in its head") from fault


def _read(reader: "_Reader", name: str) -> Header:
    version = reader.number("<I")
    if version not in VERSIONS:
        raise NoGgufError(f"{name} is GGUF of version {version}, and {VERSIONS[0]} and {VERSIONS[-1]} can be read")
    tensors, keys = int(reader.number("<Q")), int(reader.number("<Q"))
    if keys > MOST_KEYS:
        raise NoGgufError(f"{name} has a head of {keys} keys")
    values: dict[str, Value] = {}
    for _ in range(keys):
        key = reader.text()
        value = reader.value(int(reader.number("<I")))
        if value is not None:
            values[key] = value
    return Header(values, tensors)


class _Reader:
    """Takes values from a file, never more than it has, and keeps no more text than is sensible."""

    def __init__(self, data: mmap, start: int) -> None:
        self._data = data
        self._at = start
        self._kept = 0

    def number(self, form: str) -> int | float | bool:
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return value

    def text(self) -> str:
        length = int(self.number("<Q"))
        self._kept += length
        if self._kept > MOST_TEXT_BYTES or length > len(self._data) - self._at:
            raise EOFError
        self._at += length
        return self._data[self._at - length : self._at].decode()

    def value(self, kind: int, depth: int = 0) -> Value | None:
        """A text or a number; None for an array, which is passed over."""
        if depth > DEEPEST:
            raise EOFError
        if kind == _TEXT:
            return self.text()
        if kind != _ARRAY:
            return self.number(_NUMBERS[kind])
        of, count = int(self.number("<I")), int(self.number("<Q"))
        if of == _TEXT:
            self._pass_texts(count)
        elif of in _NUMBERS:
            self._pass(count * struct.calcsize(_NUMBERS[of]))
        else:
            for _ in range(count):
                self.value(of, depth + 1)
        return None

    def _pass(self, length: int) -> None:
        self._at += length
        if self._at > len(self._data):
            raise EOFError

    def _pass_texts(self, count: int) -> None:
        """Goes over a list of texts, of which a vocabulary has hundreds of thousands."""
        at, data, end, length_at = self._at, self._data, len(self._data), struct.Struct("<Q").unpack_from
        for _ in range(count):
            at += 8 + length_at(data, at)[0]
            if at > end:
                raise EOFError
        self._at = at
