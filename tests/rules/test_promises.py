"""The page of promises: every row says how it is kept, every test that it names exists, and no example is missing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.rules.source import ROOT, refuse

TESTS = ROOT / "tests"
CLIENTS = TESTS / "journeys" / "clients"
ROW = re.compile(r"^\| (?!promise \||---)(.+?) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`((?:[\w/]+/)?test_\w+\.py)(?:::(\w+))?`")


def named_tests(text: str) -> Iterator[tuple[str, str]]:
    """Each file that a text names, with the test in it, if it names one."""
    for found in NAMED.finditer(text):
        yield found[1], found[2] or ""


def find(file: str) -> Path | None:
    """The file below tests/, or else among the journeys of the clients."""
    return next((path for path in (TESTS / file, CLIENTS / file) if path.exists()), None)


def names_in(path: Path) -> set[str]:
    """The names of a file's tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds) and node.name.startswith("test_")}


def faults(text: str) -> Iterator[str]:
    """What is wrong with a page of promises."""
    for promise, kept in ROW.findall(text):
        if not NAMED.search(kept) and not re.search(r"\*(?:instead|not yet)\*|\]\(", kept):
            yield f"{promise!r} names neither a test nor a reason"
    for file, name in named_tests(text):
        path = find(file)
        if path is None:
            yield f"{file} is not there"
        elif name and name not in names_in(path):
            yield f"{file} has no {name}"


def test_every_promise_is_kept_or_says_why_not() -> None:
    """Each row names a test that exists, or what is done instead and why."""
    refuse(list(faults((ROOT / "docs" / "promises.md").read_text(encoding="utf-8"))))


def test_every_example_has_its_row() -> None:
    """What is tested of a system is told on the page."""
    told = {name for _, name in named_tests((ROOT / "docs" / "promises.md").read_text(encoding="utf-8"))}
    tested = {name for path in CLIENTS.glob("test_s[0-4]_*.py") for name in names_in(path)}
    refuse([f"docs/promises.md does not name {name}" for name in sorted(tested - told)])


def test_the_rule_can_fail() -> None:
    """A row without a reason, a file and a test that are not there are named."""
    rows = "| a | b |\n| c | `rules/test_promises.py::test_gone` |\n| d | `test_gone.py` |\n"
    page = f"| promise | kept |\n|---|---|\n{rows}"
    assert list(faults(page)) == [
        "'a' names neither a test nor a reason",
        "rules/test_promises.py has no test_gone",
        "test_gone.py is not there",
    ]
