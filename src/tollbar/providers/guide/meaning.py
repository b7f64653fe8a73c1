"""Finds passages by what a question means, where a model of this machine makes vectors of texts.

The vectors of all titles and phrasings are made once, in the background, and kept on the disk under the digests of the
model and of the texts. Whatever fails, the guide goes on by words alone: here nothing is raised but what a bug raises.
"""

import asyncio
import hashlib
import math
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from tollbar.domain.errors import GatewayError
from tollbar.providers.guide.passages import Passage

BATCH = 32
LONGEST_TEXT = 400
"""Characters of a text that are read: no model for vectors takes fewer tokens than that."""
LOOKED_AT = 60
"""Passages whose phrasings are compared one by one: those that are nearest as a whole."""
SUFFIX = ".vectors"

Vector = Sequence[float]


class Embedder(Protocol):
    """A model that makes vectors. `model` tells it from all others, and is empty while there is none."""

    @property
    def model(self) -> str:
        """Its digest."""
        ...

    async def embed(self, texts: Sequence[str], patience: float) -> Sequence[Vector]:
        """A vector for each text; raises GatewayError, also when it takes longer than so many seconds."""
        ...


class Vectors:
    """The vectors of the passages' texts, each of length one; `counts` says how many belong to each passage."""

    def __init__(self, vectors: Sequence[Vector], counts: Sequence[int]) -> None:
        rest = iter(vectors)
        self._texts = [[next(rest) for _ in range(count)] for count in counts]
        self._wholes = [unit(map(sum, zip(*texts, strict=True))) for texts in self._texts]

    def nearest(self, question: Vector) -> list[int]:
        """The numbers of the passages that come nearest to a question, the nearest first."""
        vector = unit(question)
        if len(vector) != len(self._wholes[0]):
            return []
        likely = sorted(range(len(self._wholes)), key=lambda number: -dot(vector, self._wholes[number]))[:LOOKED_AT]
        return sorted(likely, key=lambda number: -max(dot(vector, text) for text in self._texts[number]))


class Meaning:
    """What the guide knows of meanings: nothing until it has learnt, by one model at a time."""

    def __init__(self, embedder: Embedder, folder: Path, patience: float = 3.0) -> None:
        self._embedder = embedder
        self._folder = folder
        self._patience = patience
        self._vectors: Vectors | None = None
        self._learnt = ""

    @property
    def is_due(self) -> bool:
        """Whether there is a model that it has not learnt by."""
        return self._embedder.model not in ("", self._learnt)

    async def learn(self, passages: Sequence[Passage]) -> bool:
        """Makes or finds the vectors of the passages by the model that is there; False when that failed."""
        model = self._embedder.model
        texts = [text[:LONGEST_TEXT] for passage in passages for text in (passage.title, *passage.phrasings)]
        digest = hashlib.sha256("\0".join((model, *texts)).encode()).hexdigest()
        file = self._folder / f"{digest[:32]}{SUFFIX}"
        try:
            found = await asyncio.to_thread(_read, file, len(texts))
            if found is None:
                found = [unit(vector) for batch in batches(texts) for vector in await self._embedder.embed(batch, 300)]
                await asyncio.to_thread(_write, file, found)
            self._vectors = await asyncio.to_thread(Vectors, found, [1 + len(each.phrasings) for each in passages])
        except (GatewayError, OSError, ValueError) as fault:
            structlog.get_logger("tollbar").warning("guide.not_by_meaning", error=str(fault))
            return False
        self._learnt = model
        structlog.get_logger("tollbar").info("guide.by_meaning", texts=len(texts))
        return True

    async def nearest(self, question: str) -> Sequence[int]:
        """The numbers of the passages that mean what is asked, the nearest first; none where nobody can say."""
        vectors = self._vectors
        if vectors is None or self._embedder.model != self._learnt or not question.strip():
            return ()
        try:
            [vector] = await self._embedder.embed([question[:LONGEST_TEXT]], self._patience)
        except GatewayError:
            return ()
        return await asyncio.to_thread(vectors.nearest, vector)


def unit(vector: Iterable[float]) -> Vector:
    """A vector of the same direction and length one; one of zeros stays."""
    values = array("f", vector)
    length = math.sqrt(dot(values, values))
    return array("f", (value / length for value in values)) if length else values


def dot(one: Vector, other: Vector) -> float:
    """The product of two vectors."""
    return sum(map(float.__mul__, one, other))


def batches(texts: Sequence[str]) -> Iterable[Sequence[str]]:
    """The texts, so many at a time as go to the model together."""
    return (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))


def _read(file: Path, count: int) -> list[Vector] | None:
    """The vectors in a file; None when there is none, or not so many."""
    try:
        values = array("f", file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    width, rest = divmod(len(values), count)
    return [values[start : start + width] for start in range(0, len(values), width)] if width and not rest else None


def _write(file: Path, vectors: Iterable[Vector]) -> None:
    """Keeps vectors in place of all others: those of another model or of an older documentation."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".new")
    temporary.write_bytes(b"".join(array("f", vector).tobytes() for vector in vectors))
    for old in file.parent.glob(f"*{SUFFIX}"):
        old.unlink(missing_ok=True)
    temporary.replace(file)
