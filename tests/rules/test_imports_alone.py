"""Each module can be imported after those that it needs, and importing it does nothing.

That it needs no other one before it is `test_circles.py`'s: what is in no circle can be put into an order.
"""

import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.rules.source import Module, imports, modules, refuse
from tests.rules.test_circles import needs

# Alembic runs this one itself, with a context; it is no module to import.
NOT_IMPORTED = ("storage/migrations/env.py",)


def import_faults(names: list[str], libraries: list[str], path: Path | None = None) -> dict[str, str]:
    """Import each module in a process of its own; returns the faults by module."""
    question = {"modules": names, "libraries": libraries, "path": [str(path)] if path else []}
    program = Path(__file__).with_name("import_alone.py")
    answer = subprocess.run(
        [sys.executable, "-B", str(program)], input=json.dumps(question), capture_output=True, text=True, check=True
    )
    return {name: fault for name, fault in json.loads(answer.stdout).items() if fault}


def libraries_of(all_modules: tuple[Module, ...]) -> list[str]:
    """Everything that the modules import and that is not ours."""
    names = {found.name for module in all_modules for found in imports(module)}
    return sorted(name for name in names if name.partition(".")[0] != "tollbar")


@pytest.mark.timeout(120)
def test_each_module_imports_alone_and_does_nothing() -> None:
    """No module needs more than what it imports, and none touches the world at import."""
    known = [module for module in modules() if module.place not in NOT_IMPORTED]
    names = list(TopologicalSorter(needs(known)).static_order())
    assert len(names) == len(known)
    refuse([f"{name}: {fault}" for name, fault in import_faults(names, libraries_of(modules())).items()])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("import sample.late", "ImportError"),
        ("import os\nos.environ.get('HOME')", "reads the environment (HOME)"),
        ("import os\nos.getenv('HOME')", "reads the environment (HOME)"),
        ("import socket\nsocket.socket().bind(('127.0.0.1', 0))", "socket.bind"),
        ("import pathlib\n(pathlib.Path(__file__).parent / 'written').write_text('')", "for writing"),
        ("import sqlite3\nsqlite3.connect(':memory:')", "sqlite3.connect"),
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(0.2,), daemon=True).start()", "a thread"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_what_an_import_should_not_do_is_found(tmp_path: Path, text: str, fault: str) -> None:
    """A cycle, a look at the environment, a socket, a written file, a database, a thread, a crash: each is named."""
    package = tmp_path / "sample"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "late.py").write_text("from sample.early import missing_yet\n")
    (package / "early.py").write_text(f"{text}\nmissing_yet = 1\n")
    assert fault in import_faults(["sample.early"], ["os", "socket", "sqlite3"], tmp_path).get("sample.early", "")


def test_a_quiet_import_is_no_fault(tmp_path: Path) -> None:
    """A module that only defines things passes, and other people's reads of the environment are not ours."""
    (tmp_path / "sample.py").write_text("import shutil\nfound = shutil.which('sh')\n")
    assert import_faults(["sample"], ["os"], tmp_path) == {}
