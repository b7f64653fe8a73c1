"""No two modules need each other, not even inside a function or for a type alone."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.rules.source import Module, imports, modules, refuse


def needs(known: Iterable[Module]) -> dict[str, set[str]]:
    """The modules that each module imports anywhere in its text; what is imported from one is that one."""
    names = {f"tollbar.{module.name}".removesuffix("."): module for module in known}
    found: dict[str, set[str]] = {}
    for name, module in names.items():
        wanted = (each.name for each in imports(module))
        found[name] = {
            place for each in wanted for place in [each if each in names else each.rpartition(".")[0]] if place in names
        } - {name}
    return found


def circle(graph: Mapping[str, AbstractSet[str]]) -> list[str]:
    """A circle of modules, if there is one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as fault:
        return [str(name) for name in fault.args[1]]
    return []


def test_no_modules_import_each_other() -> None:
    """Whoever must put an import off for another's sake has a function in the wrong place."""
    found = circle(needs(modules()))
    refuse([" → ".join(found)] if found else [])


@pytest.mark.parametrize(
    "late",
    ["def f():\n    from tollbar import a\n", "if TYPE_CHECKING:\n    from tollbar.a import A\n", "import tollbar.a"],
)
def test_a_circle_is_found(late: str) -> None:
    """Wherever the import stands; a straight line is none."""
    first, second = Module("a.py", "from tollbar.b import B"), Module("b.py", late)
    assert set(circle(needs([first, second]))) == {"tollbar.a", "tollbar.b"}
    assert circle(needs([first, Module("b.py", "import os")])) == []
