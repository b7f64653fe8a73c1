"""The command line as tests use it: within this process, in a directory of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tollbar.cli.__main__ import commands

ENVIRONMENT = {"TERM": "dumb", "COLUMNS": "100"}


@dataclass(frozen=True, slots=True)
class Said:
    """What a command wrote, and the status it left."""

    out: str
    err: str
    status: int

    @property
    def value(self) -> Any:
        """What it wrote, as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Terminal:
    """Runs commands in a directory."""

    directory: Path

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Said:
        """One command; a fault of ours is raised here."""
        result = CliRunner().invoke(commands, list(arguments), env={**ENVIRONMENT, **(environment or {})})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.stdout, result.stderr, result.exit_code)

    def good(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Said:
        """One command that must succeed."""
        said = self.run(*arguments, environment=environment)
        assert said.status == 0, said
        return said


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in an empty directory, in an environment without settings of ours."""
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path)
