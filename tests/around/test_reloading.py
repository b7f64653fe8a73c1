"""`dev.py dev`: the words of its recipe, run on a copy of the source that changes while it serves."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.around.reading import document
from tests.journeys.stand import clean
from tests.rules.source import ROOT
from tollbar import __version__
from tools.recipes import RECIPES, RELOADING

# What a container's address and paths are where the recipe has those of a clone.
IN_CONTAINER = {"src": "/source/src", "127.0.0.1": "0.0.0.0"}
WITHOUT_MEANING_THERE = ("--timeout-graceful-shutdown", "3")


@dataclass(frozen=True, slots=True)
class Development:
    """A server that reloads."""

    folder: Path

    @property
    def output(self) -> str:
        """What it has written."""
        return (self.folder / "output").read_text()

    def address(self) -> str:
        """Where it listens."""
        found = self.until(lambda: re.search(r"running on (http://\S+)", self.output))
        return found[1]

    def health(self) -> dict[str, Any]:
        """What it says of itself; nothing while it is starting anew."""
        try:
            return requests.get(f"{self.address()}/health", timeout=5).json()
        except requests.ConnectionError:
            return {}

    def until(self, holds: Callable[[], Any], seconds: float = 30.0) -> Any:
        """What the condition gives once it holds."""
        deadline = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)
        return found


@contextmanager
def developing(folder: Path) -> Iterator[Development]:
    """The recipe, in a folder that holds a copy of the source, on a port that is free."""
    shutil.copytree(ROOT / "src" / "tollbar", folder / "src" / "tollbar", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "docs").symlink_to(ROOT / "docs")
    program, *words = RELOADING
    assert (program, RECIPES["dev"].words) == ("python", RELOADING)
    environment = clean(folder, {"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"})
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words, "--port", "0"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Development(folder)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_change_is_served(tmp_path: Path) -> None:
    """It shows a key that works, and after a change in the source it serves what the source now says."""
    with developing(tmp_path) as server:
        server.until(lambda: server.health().get("version") == __version__)
        key = server.until(lambda: re.search(r"^Key for calls, for a day: (\S+)$", server.output, re.MULTILINE))[1]
        answer = requests.get(f"{server.address()}/v1/models", headers={"authorization": f"Bearer {key}"}, timeout=10)
        assert answer.status_code == 200
        assert re.search(r"^Admin key, shown this once: \S+$", server.output, re.MULTILINE)
        (tmp_path / "src/tollbar/__init__.py").write_text('"""Changed."""\n\n__version__ = "0.1.1+changed"\n')
        server.until(lambda: server.health().get("version") == "0.1.1+changed")


def test_the_container_reloads_in_the_same_way() -> None:
    """The words of the Compose file are those of the recipe, with the container's paths and address."""
    wanted = [IN_CONTAINER.get(word, word) for word in RELOADING if word not in WITHOUT_MEANING_THERE]
    service = document("deploy/compose.dev.yaml")["services"]["tollbar"]
    said = [part for word in service["entrypoint"] for part in word.split("=", 1)]
    assert sorted(said) == sorted(wanted)
    assert service["command"] == []
    assert service["environment"]["PYTHONPATH"] == IN_CONTAINER["src"]
