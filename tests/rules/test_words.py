"""Words that have no place in the source, or one place only: each would hide a fault or reach past a port."""

import ast
import re

import pytest

from tests.rules.source import Module, imports, modules, refuse

# Where everything may be caught, and why. Four places in all: a fifth wants a decision record.
CATCH_ALL = {
    "gateway/record.py": "the record is written whatever happened, and never fails the call",
    "storage/journal.py": "the writer's thread outlives whatever an operation brings; who waits for it is told",
    "app/rounds.py": "what goes on in the background is tried again, and ends no call (docs/decisions/0014-chores.md)",
    "edge/streaming.py": "the last resort: an unforeseen fault is a 500 with an id",
}
ENVIRONMENT = "settings/sources.py"
CLOCK = "clock.py"
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def word_faults(module: Module) -> list[str]:
    """Name each banned word in a module."""
    lines = module.text.splitlines()
    faults = [fault for node in ast.walk(module.tree) if (fault := node_fault(module, node, lines))]
    faults += [f"{found.line}: {why}" for found in imports(module) if (why := import_fault(module, found.name))]
    faults += [f"{number}: unfinished" for number, line in enumerate(lines, 1) if UNFINISHED.search(line)]
    if len(catch_alls(module)) > 1:
        faults.append("0: catches everything in more than one place")
    return [f"{module.place}:{fault}" for fault in faults]


def node_fault(module: Module, node: ast.AST, lines: list[str]) -> str | None:
    """Say what is wrong with one node of the syntax tree, if anything is."""
    match node:
        case ast.Assert():
            return f"{node.lineno}: assert vanishes under -O; raise what the caller can understand"
        case ast.Call(func=ast.Name(id="print")):
            return f"{node.lineno}: print; the terminal is spoken to through typer, the log through logs.py"
        case ast.Attribute(value=ast.Name(id="time"), attr="time" | "time_ns"):
            return f"{node.lineno}: time.time; ask the Clock"
        case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "getenv" | "putenv") if (
            module.place != ENVIRONMENT
        ):
            return f"{node.lineno}: the environment belongs to {ENVIRONMENT}"
        case ast.Call(func=ast.Attribute(value=ast.Name(id="asyncio"), attr="sleep"), args=[wait]) if (
            module.place != CLOCK and ast.unparse(wait) != "0"
        ):
            return f"{node.lineno}: asyncio.sleep; ask the Clock, so that a test need not wait"
        case ast.Call(func=ast.Attribute(attr="now" | "utcnow" | "today", value=made)) if (
            module.place != CLOCK and ast.unparse(made) in {"datetime", "date", "datetime.datetime", "datetime.date"}
        ):
            return f"{node.lineno}: the present moment; ask the Clock"
        case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=caught) if any(
            map(is_everything, caught)
        ):
            return f"{node.lineno}: suppresses everything"
        case ast.ExceptHandler() if catches_all(node):
            if module.place not in CATCH_ALL:
                return f"{node.lineno}: catches everything; name the errors, or end with a bare raise"
            if not any("#" in line for line in lines[node.lineno - 2 : node.lineno + 1]):
                return f"{node.lineno}: catches everything without a comment that says why"
    return None


def import_fault(module: Module, name: str) -> str | None:
    """Say what is wrong with an imported name, if anything is."""
    if name in {"time.time", "time.time_ns"}:
        return f"{name}; ask the Clock"
    if name in {"os.environ", "os.getenv"} and module.place != ENVIRONMENT:
        return f"the environment belongs to {ENVIRONMENT}"
    return None


def catch_alls(module: Module) -> list[ast.ExceptHandler]:
    """Every handler of a module that swallows whatever comes."""
    return [node for node in ast.walk(module.tree) if isinstance(node, ast.ExceptHandler) and catches_all(node)]


def catches_all(handler: ast.ExceptHandler) -> bool:
    """Say whether a handler takes every error and does not pass it on."""
    passes_on = isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None
    return is_everything(handler.type) and not passes_on


def is_everything(caught: ast.expr | None) -> bool:
    """Say whether `except X` or `suppress(X)` means every error."""
    match caught:
        case None | ast.Name(id="Exception" | "BaseException"):
            return True
        case ast.Tuple(elts=members):
            return any(map(is_everything, members))
    return False


def test_no_banned_word_is_used() -> None:
    """The source holds none of the banned words outside their places."""
    refuse([fault for module in modules() for fault in word_faults(module)])


def test_everything_is_caught_in_three_places_at_most() -> None:
    """The list of places that may catch everything stays short."""
    assert len(CATCH_ALL) <= 4


@pytest.mark.parametrize(
    "text",
    [
        "assert x",
        "print('x')",
        "import time\ntime.time()",
        "from time import time",
        "import os\nos.environ['HOME']",
        "import os\nos.getenv('HOME')",
        "from os import environ",
        "try:\n    pass\nexcept Exception:\n    pass",
        "try:\n    pass\nexcept:\n    pass",
        "try:\n    pass\nexcept (ValueError, BaseException) as error:\n    x = error",
        "try:\n    pass\nexcept Exception as error:\n    raise ValueError from error",
        "import contextlib\nwith contextlib.suppress(Exception):\n    pass",
        "x = 1  # TODO: two",
        "import asyncio\nasyncio.sleep(0.1)",
        "from datetime import UTC, datetime\ndatetime.now(UTC)",
    ],
)
def test_a_banned_word_is_found(text: str) -> None:
    """Each banned word is one fault."""
    assert len(word_faults(Module("gateway/admit.py", text))) == 1


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("settings/sources.py", "import os\nos.environ"),
        ("clock.py", "import asyncio, datetime\nasyncio.sleep(1)\ndatetime.datetime.now()"),
        ("gateway/admit.py", "import asyncio\nasyncio.sleep(0)"),
        ("gateway/admit.py", "try:\n    pass\nexcept BaseException:\n    x = 1\n    raise"),
        ("gateway/admit.py", "try:\n    pass\nexcept ValueError:\n    pass"),
        ("gateway/admit.py", "import time\ntime.monotonic()\nprinted = 'print(assert)'"),
        ("gateway/record.py", "try:\n    pass\n# The record's last resort.\nexcept Exception:\n    pass"),
    ],
)
def test_what_is_allowed_passes(place: str, text: str) -> None:
    """The same words in their places, and their harmless relatives, are no faults."""
    assert word_faults(Module(place, text)) == []


def test_a_place_that_may_catch_everything_says_why_and_does_it_once() -> None:
    """A permitted place still wants its comment, and is permitted once."""
    caught = "try:\n    pass\nexcept Exception:\n    pass\n"
    assert len(word_faults(Module("gateway/record.py", caught))) == 1
    assert (
        len(word_faults(Module("gateway/record.py", caught.replace(":\n    pass\n", ":  # why\n    pass\n") * 2))) == 1
    )
