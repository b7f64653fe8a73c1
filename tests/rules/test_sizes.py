"""Files, functions and parameter lists stay small enough to read.

A larger one needs a line in docs/decisions/sizes.md, with its figure and its reason; a line that is not needed any more
is a fault too.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.rules.source import ROOT, Module, modules, refuse

LIMITS = {"lines in a file": 300, "lines in a function": 60, "parameters": 6}
EXCEPTION = re.compile(r"^- `(?P<what>[^`]+)`: (?P<size>\d+) (?P<kind>[a-z ]+?), because \S.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Size:
    """How large one thing is: "wire/sse.py" or "wire/sse.py::Parser.feed"."""

    what: str
    kind: str
    size: int


def sizes(module: Module) -> Iterator[Size]:
    """Measure a file, its functions and their parameters."""
    yield Size(module.place, "lines in a file", len(module.text.splitlines()))
    yield from function_sizes(module.tree, f"{module.place}::")


def function_sizes(parent: ast.AST, prefix: str) -> Iterator[Size]:
    """Measure every function below a node; an outer one holds its inner ones' lines as well."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef):
            yield from function_sizes(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            what = prefix + node.name
            yield Size(what, "lines in a function", (node.end_lineno or node.lineno) - node.lineno + 1)
            if not is_command(node):
                yield Size(what, "parameters", count_parameters(node.args, isinstance(parent, ast.ClassDef)))
            yield from function_sizes(node, f"{what}.")
        else:
            yield from function_sizes(node, prefix)


def count_parameters(arguments: ast.arguments, is_method: bool) -> int:
    """Count what a caller may pass, without self or cls."""
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named += [star for star in (arguments.vararg, arguments.kwarg) if star]
    return len(named) - (is_method and bool(named) and named[0].arg in {"self", "cls"})


def is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether a function declares a command of the terminal, whose parameters are its options."""
    return any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in {"command", "callback"}
        for decorator in function.decorator_list
    )


def read_exceptions(text: str) -> dict[tuple[str, str], int]:
    """Read the exceptions out of a decision record, by thing and kind."""
    return {(found["what"], found["kind"]): int(found["size"]) for found in EXCEPTION.finditer(text)}


def size_faults(module: Module, exceptions: Mapping[tuple[str, str], int]) -> list[str]:
    """Name everything in a module that is larger than it may be."""
    return [
        f"{found.what}: {found.size} {found.kind}, {limit} allowed"
        for found in sizes(module)
        if found.size > (limit := exceptions.get((found.what, found.kind), LIMITS[found.kind]))
    ]


def stale_exceptions(exceptions: Mapping[tuple[str, str], int], measured: list[Size]) -> list[str]:
    """Name every exception that nothing needs, or that allows more than is needed."""
    actual = {(found.what, found.kind): found.size for found in measured}
    return [
        f"docs/decisions/sizes.md: {what} has {actual.get((what, kind), 0)} {kind}; the line says {size}"
        for (what, kind), size in exceptions.items()
        if actual.get((what, kind)) != size or size <= LIMITS.get(kind, 0)
    ]


def house() -> list[Module]:
    """Every file under the rule: the package, and the development commands."""
    return [*modules(), Module("dev.py", (ROOT / "dev.py").read_text(encoding="utf-8"))]


def recorded_exceptions() -> dict[tuple[str, str], int]:
    """The exceptions that are on record."""
    return read_exceptions((ROOT / "docs" / "decisions" / "sizes.md").read_text(encoding="utf-8"))


def test_everything_is_small_enough() -> None:
    """No file, function or parameter list is over its limit without a reason on record."""
    exceptions = recorded_exceptions()
    refuse([fault for module in house() for fault in size_faults(module, exceptions)])


def test_every_exception_is_needed() -> None:
    """An exception goes when what it excused has shrunk or gone."""
    refuse(stale_exceptions(recorded_exceptions(), [size for module in house() for size in sizes(module)]))


def test_what_is_too_large_is_found() -> None:
    """A long file, a long function and a long parameter list are one fault each."""
    long_file = Module("a.py", "x = 1\n" * 301)
    long_function = Module("b.py", "class A:\n    async def f(self):\n" + "        x = 1\n" * 60)
    many_parameters = Module(
        "c.py", "def f(a, b, /, c, *d, e, g, **h): ...\nclass A:\n    def g(self, a, b, c, d, e, f): ..."
    )
    assert [size_faults(module, {}) for module in (long_file, long_function, many_parameters)] == [
        ["a.py: 301 lines in a file, 300 allowed"],
        ["b.py::A.f: 61 lines in a function, 60 allowed"],
        ["c.py::f: 7 parameters, 6 allowed"],
    ]


def test_a_line_on_record_excuses_exactly_its_figure() -> None:
    """An exception allows what it says; once less would do, it is a fault."""
    exceptions = read_exceptions(
        "- `a.py`: 302 lines in a file, because the table is one page.\n- `b.py`: 400 lines in a file"
    )
    assert exceptions == {("a.py", "lines in a file"): 302}
    assert size_faults(Module("a.py", "x\n" * 302), exceptions) == []
    assert size_faults(Module("a.py", "x\n" * 303), exceptions) != []
    assert stale_exceptions(exceptions, list(sizes(Module("a.py", "x\n" * 302)))) == []
    assert stale_exceptions(exceptions, list(sizes(Module("a.py", "x\n" * 250)))) != []


def test_options_of_a_command_are_no_parameters() -> None:
    """A command of the terminal may have many options."""
    assert size_faults(Module("a.py", "@keys.command('make')\ndef make(a, b, c, d, e, f, g): ..."), {}) == []
