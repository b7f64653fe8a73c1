"""Where settings come from: a YAML file, a .env file and the environment, each as names with the place of every value.

Reading never stops at the first fault: what can be read is returned, with all that is wrong beside it.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from dotenv.parser import parse_stream

from tollbar.settings.faults import Fault, nearest

Location = tuple[str, ...]

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_DEPTH = 32
_MAX_VALUES = 100_000


@dataclass(frozen=True, slots=True)
class Named:
    """An environment value and where it stands."""

    text: str
    place: str


@dataclass(slots=True)
class Document:
    """A configuration file as read: its values, the line of each key, what its references name and where they stand."""

    path: Path
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Location, int] = field(default_factory=dict)
    references: set[str] = field(default_factory=set)
    referring: set[Location] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    def place(self, location: Location) -> str:
        """The file, with the line of the key or of the nearest block around it."""
        for length in range(len(location), 0, -1):
            if line := self.lines.get(location[:length]):
                return f"{self.path}, line {line}"
        return str(self.path)


def read_environment() -> Mapping[str, str]:
    """A copy of this process's environment."""
    return dict(os.environ)


def read_env_file(path: Path) -> tuple[dict[str, Named], list[Fault]]:
    """The assignments of a .env file, and the lines that are none. A missing file holds nothing."""
    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8 text"
        return {}, [Fault(str(path), "", f"cannot be read: {reason}")]
    names: dict[str, Named] = {}
    faults: list[Fault] = []
    for binding in bindings:
        leading = (
            binding.original.string[: -len(binding.original.string.lstrip())] if binding.original.string.strip() else ""
        )
        place = f"{path}, line {binding.original.line + leading.count(chr(10))}"
        if binding.error:
            faults.append(
                Fault(place, "", "is no assignment", 'Write NAME=value; quote values with spaces: NAME="a value".')
            )
        elif binding.key is not None:
            names[binding.key] = Named(binding.value or "", place)
    return names, faults


def read_document(path: Path, names: Mapping[str, Named]) -> Document:
    """A YAML file with its `${NAME}` references replaced by the values of `names`."""
    document = Document(path)
    loader = None
    try:
        loader = yaml.CSafeLoader(path.read_text("utf-8"))
        root = loader.get_single_node()
        if root is not None:
            values = _Builder(document, names, loader).build(root, ())
            if isinstance(values, dict):
                document.values = values
            else:
                document.faults.append(Fault(str(path), "", "is no block of keys", "Write `key: value` lines."))
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        document.faults.append(
            Fault(place, "", f"is not YAML: {fault.problem or fault.context}", "Check indentation and quotes.")
        )
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        document.faults.append(Fault(str(path), "", f"is not YAML text: {str(fault).splitlines()[0]}"))
    except OSError as fault:
        document.faults.append(Fault(str(path), "", f"cannot be read: {fault.strerror}"))
    finally:
        if loader is not None:
            loader.dispose()
    return document


class _Builder:
    """Turns YAML nodes into plain values, noting lines and faults in the document."""

    def __init__(self, document: Document, names: Mapping[str, Named], loader: yaml.CSafeLoader) -> None:
        self._document = document
        self._names = names
        self._loader = loader
        self._count = 0

    def build(self, node: yaml.Node, location: Location) -> Any:
        self._count += 1
        if (
            self._count > _MAX_VALUES or len(location) > _MAX_DEPTH
        ):  # a short file of aliases can stand for an endless one
            raise yaml.YAMLError("it holds too many values, or they are nested too deeply")
        match node:
            case yaml.MappingNode():
                return dict(self._entries(node, location))
            case yaml.SequenceNode():
                return tuple(self.build(child, (*location, str(index))) for index, child in enumerate(node.value))
        try:
            value = self._loader.construct_object(node)
        except ValueError:  # 2026-02-30 looks like a date and is none: then it is text
            value = node.value
        return self._with_references(value, node, location) if isinstance(value, str) else value

    def _entries(self, node: yaml.MappingNode, location: Location) -> Iterator[tuple[str, Any]]:
        self._refuse_duplicates(node, location)
        self._loader.flatten_mapping(node)  # carries out `<<`, whose keys come first and may be overridden
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._fault(key, location, "has a key that is no plain text")
                continue
            # A key is taken as it is written: a model may be called 4 or on.
            place = (*location, key.value)
            self._document.lines[place] = key.start_mark.line + 1
            yield key.value, self.build(child, place)

    def _refuse_duplicates(self, node: yaml.MappingNode, location: Location) -> None:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                place = f"{self._document.path}, line {line}"
                wrong = f"is given twice (first in line {first[key.value]})"
                self._document.faults.append(Fault(place, dotted((*location, key.value)), wrong, "Keep one of them."))
            first.setdefault(key.value, line)

    def _with_references(self, text: str, node: yaml.Node, location: Location) -> str:
        def look_up(match: re.Match[str]) -> str:
            name = match[1]
            self._document.references.add(name)
            self._document.referring.add(location)
            if not _NAME.fullmatch(name):
                self._fault(node, location, f"refers to {match[0]}, which is no name", "Write ${NAME}.")
                return ""
            found = self._names.get(name)
            if found is not None and found.text:
                return found.text
            state = "is not set" if found is None else "is empty"
            near = nearest(name, self._names)
            remedy = f"Set {name} in the environment or in .env" + (
                f", or did you mean {near}?" if near and near != name else "."
            )
            self._fault(node, location, f"refers to ${{{name}}}, which {state}", remedy)
            return ""

        return _REFERENCE.sub(look_up, text)

    def _fault(self, node: yaml.Node, location: Location, wrong: str, remedy: str = "") -> None:
        place = f"{self._document.path}, line {node.start_mark.line + 1}"
        self._document.faults.append(Fault(place, dotted(location), wrong, remedy))


def dotted(location: Location) -> str:
    """A location as people write it: names joined by dots, places in lists in brackets."""
    text = ""
    for part in location:
        if part.isdigit() and text:
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
