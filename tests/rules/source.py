"""Reads the package's source for the rules: its modules, their syntax trees, their imports. Imports nothing of it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tollbar"


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: its place below the package ("wire/sse.py"), its dotted name, its text."""

    place: str
    text: str

    @property
    def name(self) -> str:
        """The name inside the package: "wire.sse"; empty for the package itself."""
        return self.place.removesuffix(".py").replace("/", ".").removesuffix("__init__").removesuffix(".")

    @property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return parse(self.text)


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name, absolute: `from tollbar.wire import sse` is "tollbar.wire.sse"."""

    name: str
    line: int


@cache
def parse(text: str) -> ast.Module:
    """Parse once for all rules."""
    return ast.parse(text)


@cache
def modules() -> tuple[Module, ...]:
    """Every source file of the package, migrations included, in a stable order."""
    return tuple(
        Module(path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    )


def imports(module: Module) -> Iterator[Import]:
    """Every import of a module, wherever in the file it stands, relative ones made absolute."""
    package = ["tollbar", *module.place.split("/")[:-1]]
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                yield from (Import(alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(module=source, names=names, level=level):
                base = package[: len(package) - level + 1] if level else []
                stem = ".".join([*base, *([source] if source else [])])
                yield from (Import(f"{stem}.{alias.name}", node.lineno) for alias in names)


def is_below(name: str, prefixes: tuple[str, ...]) -> bool:
    """Say whether a dotted name is one of the prefixes or lies below one of them."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def refuse(faults: list[str]) -> None:
    """Fail the test with every fault on a line of its own; no fault, no failure."""
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)
