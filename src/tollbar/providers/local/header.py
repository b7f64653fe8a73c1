"""Reads what a GGUF file says about itself, from its head alone: architecture, context, licence, chat template.

The format is little-endian and simple: a magic, counts, then keys with typed values. Arrays (a vocabulary of a hundred
thousand words) are passed over. A file that is cut or is something else is refused in plain words, never half read.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST_KEYS = 10_000
MOST_TEXT_BYTES = 1 << 20
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
        reader = _Reader(file, path.stat().st_size)
        if file.read(4) != MAGIC:
            raise NoGgufError(f"{path.name} is no GGUF file")
        try:
            if (version := reader.number("<I")) not in VERSIONS:
                raise NoGgufError(
                    f"{path.name} is GGUF of version {version}, and {VERSIONS[0]} and {VERSIONS[-1]} can be read"
                )
            tensors, keys = int(reader.number("<Q")), int(reader.number("<Q"))
            if keys > MOST_KEYS:
                raise NoGgufError(f"{path.name} has a head of {keys} keys")
            values = {}
            for _ in range(keys):
                name = reader.text()
                value = reader.value(int(reader.number("<I")))
                if value is not None:
                    values[name] = value
        except (struct.error, UnicodeDecodeError, EOFError, KeyError) as fault:
            raise NoGgufError(f"{path.name} is cut off, or damaged, in its head") from fault
    return Header(values, tensors)


class _Reader:
    """Takes values from a file, never more than it has."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def number(self, form: str) -> int | float | bool:
        return struct.unpack(form, self._file.read(struct.calcsize(form)))[0]

    def text(self) -> str:
        length = int(self.number("<Q"))
        if length > MOST_TEXT_BYTES:
            raise EOFError
        data = self._file.read(length)
        if len(data) < length:
            raise EOFError
        return data.decode()

    def value(self, kind: int, depth: int = 0) -> Value | None:
        """A text or a number; None for an array, which is passed over."""
        if depth > DEEPEST:
            raise EOFError
        if kind == _TEXT:
            return self.text()
        if kind != _ARRAY:
            return self.number(_NUMBERS[kind])
        of, count = int(self.number("<I")), int(self.number("<Q"))
        if of in _NUMBERS:
            self._skip(count * struct.calcsize(_NUMBERS[of]))
            return None
        for _ in range(count):
            if of == _TEXT:
                self._skip(int(self.number("<Q")))
            else:
                self.value(of, depth + 1)
        return None

    def _skip(self, length: int) -> None:
        if length > self._size - self._file.tell():
            raise EOFError
        self._file.seek(length, 1)
