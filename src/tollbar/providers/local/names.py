"""The short names of models: the rows of `names.toml`, checked, and found by whatever spelling of them.

A name here is a convenience and no limit: any repository of the hub can be pulled by its full name.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from importlib import resources
from types import MappingProxyType
from typing import Any

from tollbar.domain.local_models import Kind

USUAL_QUANTISATION = "Q4_K_M"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_FIELDS: Mapping[str, type] = {
    "aliases": list,
    "kind": str,
    "repository": str,
    "file": str,
    "quantisation": str,
    "size_bytes": int,
    "context": int,
    "template": str,
    "licence": str,
    "proposed": bool,
    "unchecked": list,
    "documented": date,
}
_REQUIRED = ("aliases", "repository", "file", "size_bytes", "context", "template", "licence")


class NameFaults(ValueError):
    """What is wrong with some rows, one line each."""


@dataclass(frozen=True, slots=True)
class NamedModel:
    """One row. `unchecked` names the facts of it that stand by general knowledge; `documented` is for the others."""

    name: str
    aliases: tuple[str, ...]
    kind: Kind
    repository: str
    file: str
    quantisation: str
    size_bytes: int
    context_tokens: int
    template: str
    licence: str
    is_proposed: bool
    unchecked: frozenset[str]
    documented: date | None


class Names:
    """All rows, by name and alias, in any case."""

    def __init__(self, models: Mapping[str, NamedModel]) -> None:
        self.models = models
        self._spellings = {spelling: model for model in models.values() for spelling in _spellings(model)}

    def find(self, text: str) -> NamedModel | None:
        """The model of that name or alias."""
        return self._spellings.get(text.lower())

    def find_file(self, repository: str, file: str) -> NamedModel | None:
        """The model that a file of a repository is."""
        wanted = (repository.lower(), file)
        return next((model for model in self.models.values() if (model.repository.lower(), model.file) == wanted), None)

    def near(self, text: str) -> list[str]:
        """The names that somebody may have meant."""
        found = get_close_matches(text.lower(), self._spellings, n=6, cutoff=0.6)
        return list(dict.fromkeys(self._spellings[spelling].name for spelling in found))[:3]


def load() -> Names:
    """The rows of the package; raises NameFaults."""
    text = resources.files("tollbar.providers.local").joinpath("names.toml").read_text(encoding="utf-8")
    return parse(tomllib.loads(text))


def parse(table: Mapping[str, Mapping[str, Any]]) -> Names:
    """The models of a table; raises NameFaults with everything that is wrong."""
    faults = [f"model {name}: {fault}" for name, row in table.items() for fault in _row_faults(name, row)]
    if not faults:
        models = {name: _model(name, row) for name, row in table.items()}
        faults = list(_clashes(models))
        if not faults:
            return Names(MappingProxyType(models))
    raise NameFaults("; ".join(faults))


def is_repository(text: str) -> bool:
    """Whether a text is the full name of a repository, `owner/name`."""
    return bool(_REPOSITORY.fullmatch(text)) and ".." not in text and "--" not in text


def _row_faults(name: str, row: Mapping[str, Any]) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield "its name must be lower case letters, digits, '.', '_' and '-'"
    for key in _REQUIRED:
        if key not in row:
            yield f"{key} is missing"
    for key, value in row.items():
        kind = _FIELDS.get(key)
        if kind is None:
            yield f"{key} is no key of a model"
        elif not isinstance(value, kind) or (kind is int and (isinstance(value, bool) or value < 1)):
            yield f"{key} must be {'a number above 0' if kind is int else f'a {kind.__name__}'}"
    if row.get("kind", "chat") not in ("chat", "embedding"):
        yield "kind must be chat or embedding"
    if isinstance(row.get("repository"), str) and not is_repository(row["repository"]):
        yield "repository must be owner/name"
    if not str(row.get("file", ".gguf")).endswith(".gguf"):
        yield "file must be a .gguf file"
    if strangers := set(map(str, row.get("unchecked", ()))) - _FIELDS.keys():
        yield f"unchecked names {', '.join(sorted(strangers))}, which it does not have"
    if row.get("documented") is None and not row.get("unchecked"):
        yield "says neither when it was read nor what was not"


def _clashes(models: Mapping[str, NamedModel]) -> Iterator[str]:
    owners: dict[str, str] = {}
    for model in models.values():
        for spelling in _spellings(model):
            owner = owners.setdefault(spelling, model.name)
            if owner != model.name:
                yield f"model {model.name}: {spelling} is a name of {owner} too"


def _spellings(model: NamedModel) -> set[str]:
    return {model.name, *(alias.lower() for alias in model.aliases)}


def _model(name: str, row: Mapping[str, Any]) -> NamedModel:
    return NamedModel(
        name=name,
        aliases=tuple(row["aliases"]),
        kind=row.get("kind", "chat"),
        repository=row["repository"],
        file=row["file"],
        quantisation=row.get("quantisation", USUAL_QUANTISATION),
        size_bytes=row["size_bytes"],
        context_tokens=row["context"],
        template=row["template"],
        licence=row["licence"],
        is_proposed=row.get("proposed", False),
        unchecked=frozenset(row.get("unchecked", ())),
        documented=row.get("documented"),
    )
