"""Models that run on this machine, and how they get here: values alone."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["chat", "embedding"]
Format = Literal["gguf", "safetensors"]
Origin = Literal["hub", "path", "ollama"]


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model on this machine.

    `path` is the GGUF file, or the folder of a safetensors model. `context_tokens` is what it was made for, None when
    nobody said. `repository`, `file` and `sha256` say where it came from; they are empty where it came from a path.
    `aliases` are other names that people call it by.
    """

    name: str
    kind: Kind
    format: Format
    path: Path
    size_bytes: int
    context_tokens: int | None
    repository: str
    file: str
    sha256: str
    licence: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that a pull fetches. It has one of two checksums: large files `sha256`, small ones git's `blob_id`."""

    path: str
    size_bytes: int
    sha256: str = ""
    blob_id: str = ""

    @property
    def name(self) -> str:
        """What it is called on the disk: the last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def checksum(self) -> str:
        """Whichever it has; empty when the hub gave none."""
        return self.sha256 or self.blob_id


@dataclass(frozen=True, slots=True)
class PullPlan:
    """What pulling a model will do, before anything was fetched.

    `source` is where it comes from, as one would type it: a repository, a path, `ollama:NAME`. `revision` is the exact
    state of the repository that is meant.
    `size_bytes` is the whole model, `missing_bytes` what of it is not on this disk yet; both are 0 where a server that
    fetches it for us tells them later. `is_here` says that there is nothing to do.
    """

    name: str
    source: str
    origin: Origin
    kind: Kind = "chat"
    format: Format = "gguf"
    licence: str = ""
    context_tokens: int | None = None
    aliases: tuple[str, ...] = ()
    revision: str = ""
    files: tuple[RemoteFile, ...] = ()
    size_bytes: int = 0
    missing_bytes: int = 0
    is_here: bool = False


class PullState(StrEnum):
    """How far a pull is."""

    WAITING = "waiting"
    """Another process pulls the same model: its progress is shown, and its end waited for."""
    CHECKING = "checking"
    DOWNLOADING = "downloading"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Somebody did not want it any more; the next pull goes on from there."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is: bytes on the disk of bytes in all."""

    state: PullState
    done_bytes: int = 0
    total_bytes: int = 0


class PullFault(NamedTuple):
    """Why a pull failed, as an error tells it."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class PullNote:
    """A pull as other processes are told of it."""

    id: str
    plan: PullPlan
    progress: Progress
    began_at: datetime
    fault: PullFault | None = None
