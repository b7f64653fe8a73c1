"""The models that are on this machine: a folder with a record beside each model's weights.

`models/tinyllama.json` is the record, `models/tinyllama/` holds the weights. A model is on the shelf exactly when its
record is there, and the record is written last and whole: a download that was killed leaves no model, only bytes that
the next one goes on from. Weights that lie elsewhere on the disk are named by their path, and never deleted.
"""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from tollbar.domain.local_models import LocalModel

__all__ = ["PREFIX", "LocalModel", "Shelf", "Version"]

Version = tuple[tuple[str, int, int], ...]

PREFIX = "local/"
"""What may stand before a model's name, to say that the one on this machine is meant."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class Shelf:
    """The models under one folder. Processes may share it; the folder need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where the records are."""
        return self._folder

    def weights_of(self, name: str) -> Path:
        """The folder for the weights of a model of that name; raises ValueError when it is no name of a model."""
        return self._folder / _checked(name)

    def list(self) -> tuple[LocalModel, ...]:
        """Every model, by name. A record that cannot be read is as good as none."""
        found = (self._read(Path(entry.path)) for entry in self._records())
        return tuple(sorted((model for model in found if model), key=lambda model: model.name))

    def find(self, name: str) -> LocalModel | None:
        """The model of that name or alias, whatever its case, with or without `local/` before it."""
        wanted = name.lower().removeprefix(PREFIX)
        if _NAME.fullmatch(wanted) and (model := self._read(self._record_of(wanted))):
            return model
        return next((model for model in self.list() if wanted in model.aliases), None)

    def add(self, model: LocalModel) -> None:
        """Puts a model, whose weights are complete, on the shelf, in the place of one that had its name.

        Raises ValueError when its name is none, and OSError when the disk refuses.
        """
        record = self._record_of(model.name)
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = record.with_name(f".{record.name}.{os.getpid()}")
        path = model.path.relative_to(self._folder) if model.path.is_relative_to(self._folder) else model.path
        text = msgspec.json.format(msgspec.json.encode(replace(model, path=path), enc_hook=os.fspath))
        try:
            with temporary.open("wb") as file:
                file.write(text + b"\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(record)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self, name: str) -> LocalModel | None:
        """Takes a model off the shelf, and deletes its weights if they are in the shelf's folder; None if it had none.

        An engine that has the weights open keeps them until it ends.
        """
        if (model := self.find(name)) is None:
            return None
        self._record_of(model.name).unlink(missing_ok=True)
        shutil.rmtree(self.weights_of(model.name), ignore_errors=True)
        return model

    def discard(self, name: str) -> bool:
        """Deletes what a download that ended early left of a model of that name; says whether there was anything."""
        folder = self.weights_of(name) if _NAME.fullmatch(name) else None
        if folder is None or self.find(name) is not None or not folder.is_dir():
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True

    def version(self) -> Version:
        """A value that is another as soon as a model was added or removed: one look into the folder, no file read."""
        found: list[tuple[str, int, int]] = []
        for entry in self._records():
            try:
                status = entry.stat()
            except FileNotFoundError:  # removed since the folder was read
                continue
            found.append((entry.name, status.st_mtime_ns, status.st_ino))
        return tuple(sorted(found))

    def _record_of(self, name: str) -> Path:
        return self._folder / f"{_checked(name)}.json"

    def _records(self) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self._folder) as entries:
                yield from (each for each in entries if each.name.endswith(".json") and not each.name.startswith("."))
        except FileNotFoundError:
            return

    def _read(self, record: Path) -> LocalModel | None:
        try:
            model = msgspec.json.decode(record.read_bytes(), type=LocalModel, dec_hook=_path)
        except (OSError, msgspec.MsgspecError):
            return None
        return replace(model, path=self._folder / model.path) if record.stem == model.name else None


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a model: lower case letters, digits, '.', '_' and '-', up to 100")
    return name


def _path(kind: type, value: Any) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"no record of a model holds a {kind.__name__}")
