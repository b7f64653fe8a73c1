"""Builds the settings, once: defaults < tollbar.yaml < .env < environment < flags.

Guarantees: every fault of every source is reported together; no value is used that nobody declared; what is returned is
frozen and knows where each value came from. Never done: reading the environment by itself, or writing anything.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from tollbar.settings.checks import Names, find_faults, find_warnings, is_example
from tollbar.settings.describe import environment_names, planned_part
from tollbar.settings.explain import explain
from tollbar.settings.faults import Fault, SettingsError, nearest
from tollbar.settings.secret import Secret
from tollbar.settings.sources import Document, Location, Named, dotted, read_document, read_env_file
from tollbar.settings.values import Declared, Settings

CONFIG_NAME = "TOLLBAR_CONFIG"
KEY_NAME = "TOLLBAR_KEY"
"""Not a setting: the key with which commands such as `tollbar chat` call a server."""
OWN_PREFIX = "TOLLBAR_"
CONFIG_FILE = "tollbar.yaml"
ENV_FILE = ".env"


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What the table of vendors brings: the environment names it reads, the vendors, the wires. Empty: not checked."""

    secrets: Collection[str] = ()
    vendors: Collection[str] = ()
    wires: Collection[str] = ()


@dataclass(slots=True)
class _Gathered:
    """The values of all sources as one tree, and where each came from."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[Location, str] = field(default_factory=dict)
    keys: dict[Location, str] = field(default_factory=dict)

    def put(self, location: Location, value: Any, place: str, key: str) -> None:
        block = self.values
        for name in location[:-1]:
            if not isinstance(block.get(name), dict):
                block[name] = {}
            block = block[name]
        block[location[-1]] = value
        self.places[location] = place
        self.keys[location] = key


def load(
    environment: Mapping[str, str],
    arguments: Mapping[str, object],
    known: KnownNames = KnownNames(),
    directory: Path | None = None,
) -> Settings:
    """The settings in force; raises SettingsError with everything that is wrong.

    `arguments` are flags by dotted name (`server.port`, and `config` for the file); those that are None were not given.
    `directory` is where `.env` and `tollbar.yaml` are looked for, and what relative paths in the environment mean.
    """
    base = directory or Path()
    names, faults = _read_names(base, environment)
    given = {name: value for name, value in arguments.items() if value is not None}
    document, is_missing = _read_config(base, names, given.get("config"))
    faults += is_missing + document.faults
    faults += _unknown_names(names, known, document.references)
    gathered = _gather(document, names, given)

    place_of = _Places(gathered, document)
    declared, invalid = _validate(gathered.values, document.path.parent, place_of)
    declared_names = Names(
        _names_in(gathered.values, "providers"), _names_in(gathered.values, "models"), known.vendors, known.wires
    )
    together = find_faults(declared, declared_names, place_of)
    spoken_of = {(fault.place, fault.key) for fault in faults}
    faults += [fault for fault in (*invalid, *together) if (fault.place, fault.key) not in spoken_of]
    if faults:
        raise SettingsError(faults)
    return _finish(declared, gathered, document, names, known)


class _Places:
    """Says, for a location, in which place and under which key it was set."""

    def __init__(self, gathered: _Gathered, document: Document) -> None:
        self._gathered = gathered
        self._document = document

    def __call__(self, location: Location) -> tuple[str, str]:
        if location in self._gathered.places:
            return self._gathered.places[location], self._gathered.keys[location]
        return self._document.place(location), dotted(location)


def _read_names(base: Path, environment: Mapping[str, str]) -> tuple[dict[str, Named], list[Fault]]:
    from_file, faults = read_env_file(base / ENV_FILE)
    # An empty variable is how container tools write "not set", and must not hide what the file says.
    from_process = {
        name: Named(text, "environment") for name, text in environment.items() if text or name not in from_file
    }
    return {**from_file, **from_process}, faults


def _read_config(base: Path, names: Mapping[str, Named], flag: object) -> tuple[Document, list[Fault]]:
    if flag is not None:
        path, place, key = Path(str(flag)), "command line", "--config"
    elif (named := names.get(CONFIG_NAME)) and named.text:
        path, place, key = Path(named.text), named.place, CONFIG_NAME
    else:
        path = base / CONFIG_FILE
        return (read_document(path, names) if path.exists() else Document(path)), []
    path = base / path.expanduser()
    if path.is_file():
        return read_document(path, names), []
    return Document(path), [
        Fault(place, key, f"names {path}, which is no file", "Give the path of a file that exists.")
    ]


def _unknown_names(names: Mapping[str, Named], known: KnownNames, references: set[str]) -> list[Fault]:
    """Our own names that do not exist; and, in .env, which is ours to judge, names that just miss one that does."""
    valid = {*environment_names(), CONFIG_NAME, KEY_NAME, *known.secrets}
    by_rest = {name.removeprefix(OWN_PREFIX): name for name in valid}
    faults: list[Fault] = []
    for name, named in names.items():
        if name in valid or name in references:
            continue
        if name.startswith(OWN_PREFIX):
            near = nearest(name.removeprefix(OWN_PREFIX), by_rest)  # the prefix is like every other of ours
            faults.append(Fault(named.place, name, "is no setting", f"Did you mean {by_rest[near]}?" if near else ""))
        elif named.place != "environment" and (meant := nearest(name, valid, cutoff=0.85)) and meant not in names:
            faults.append(Fault(named.place, name, "is no setting", f"Did you mean {meant}? Remove the line if not."))
    return faults


def _gather(document: Document, names: Mapping[str, Named], arguments: Mapping[str, object]) -> _Gathered:
    gathered = _Gathered(values=_copy(document.values))
    for is_process in (False, True):
        taken: set[Location] = set()
        for name, location in environment_names().items():
            named = names.get(name)
            if named is None or not named.text or (named.place == "environment") != is_process or location in taken:
                continue
            taken.add(location)
            gathered.put(location, named.text, named.place, name)
    for name, value in arguments.items():
        if name != "config":
            flag = f"--{name.rpartition('.')[2].replace('_', '-')}"
            gathered.put(tuple(name.split(".")), value, "command line", flag)
    return gathered


def _copy(values: Any) -> Any:
    return {name: _copy(value) for name, value in values.items()} if isinstance(values, dict) else values


def _validate(values: dict[str, Any], directory: Path, place_of: _Places) -> tuple[Declared, list[Fault]]:
    """What is valid of the values, and the faults of the rest: what is left can still be seen together."""
    faults: list[Fault] | None = None
    while True:
        try:
            return Declared.model_validate(values, context={"directory": directory}), faults or []
        except ValidationError as invalid:
            if faults is None:
                faults = explain(invalid, place_of)
            values = _copy(values)
            for error in invalid.errors(include_url=False, include_context=False, include_input=False):
                _prune(values, tuple(str(part) for part in error["loc"]))


def _prune(values: dict[str, Any], location: Location) -> None:
    """Removes the innermost value at a location that exists; that is the block where something is missing in it."""
    block: Any = values
    holder, last = values, location[0]
    for name in location:
        if not isinstance(block, dict) or name not in block:
            break
        holder, last, block = block, name, block[name]
    holder.pop(last, None)


def _names_in(values: Mapping[str, Any], section: str) -> Collection[str]:
    entries = values.get(section)
    return tuple(entries) if isinstance(entries, dict) else ()


def _finish(
    declared: Declared, gathered: _Gathered, document: Document, names: Mapping[str, Named], known: KnownNames
) -> Settings:
    origins = {dotted(location): document.place(location) for location in document.lines}
    for location, place in gathered.places.items():
        key = gathered.keys[location]
        origins[dotted(location)] = f"{place}: {key}" if place != "command line" else key
    given = {name: names[name] for name in known.secrets if name in names and names[name].text}
    examples = {name for name, named in given.items() if is_example(named.text)}
    secrets = {name: Secret(named.text) for name, named in given.items() if name not in examples}
    origins |= {name: given[name].place for name in secrets}
    warnings = [f"{given[name].place}: {name} holds an example, which is not used." for name in sorted(examples)]
    return Settings.model_construct(
        **dict(declared),
        config_file=document.path if document.lines else None,
        secrets=MappingProxyType(secrets),
        origins=MappingProxyType(origins),
        warnings=(*find_warnings(declared, document), *warnings, *_planned(gathered, document)),
    )


def _planned(gathered: _Gathered, document: Document) -> Iterator[str]:
    """What was set though nothing reads it yet, as sentences."""
    for location in document.lines:
        if planned_part(location) == location:
            yield f"{document.place(location)}: {dotted(location)} is planned: it has no effect yet."
    for location, place in gathered.places.items():
        if planned_part(location):
            yield f"{place}: {gathered.keys[location]} is planned: it has no effect yet."
