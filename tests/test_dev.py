"""The development commands, run against an environment of stand-in programs that note how they were called."""

import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tools.recipes import ALIASES, RECIPES

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ("python", "tollbar", "ruff", "pyrefly", "lint-imports", "pytest")
NOTE = '#!/bin/sh\necho "$(basename "$0") $*" >> "$(dirname "$0")/calls"\n'


class Checkout:
    """A copy of the project whose environment says that it is installed, with stand-ins for its programs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / ".venv" / "bin"
        self.bin.mkdir(parents=True)
        shutil.copytree(ROOT / "requirements", root / "requirements")
        shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("dev.py", "pyproject.toml"):
            shutil.copy(ROOT / name, root)
        for name in PROGRAMS:
            self.stand_in(name, 0)
        self.module = runpy.run_path(str(root / "dev.py"))
        self.stamp("dev")

    def stand_in(self, program: str, status: int) -> None:
        """Let a program note its call and end with a status."""
        (self.bin / program).write_text(f"{NOTE}echo {program} was here\nexit {status}\n")
        (self.bin / program).chmod(0o755)

    def stamp(self, level: str) -> None:
        """Mark the environment as installed."""
        self.module["STAMP"].write_text(self.module["make_stamp"](level))

    def is_installed(self, level: str) -> bool:
        """Ask whether the environment is up to date."""
        return self.module["is_installed"](level)

    def run(self, *arguments: str) -> CompletedProcess[str]:
        """Run `dev.py` with arguments, somewhere else."""
        command = [sys.executable, str(self.root / "dev.py"), *arguments]
        return subprocess.run(command, cwd=self.root.parent, capture_output=True, text=True, check=False)

    def calls(self) -> list[str]:
        """The programs that were run, with their arguments."""
        notes = self.bin / "calls"
        return [line.strip() for line in notes.read_text().splitlines()] if notes.exists() else []


def is_of_docker(command: str) -> bool:
    """Whether a command starts a program that is not of the environment."""
    return command in RECIPES and RECIPES[command].level is None


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with an up-to-date environment."""
    return Checkout(tmp_path / "checkout")


def test_serve_becomes_tollbar_with_all_arguments(checkout: Checkout) -> None:
    """With the environment in place nothing else is run, and the exit status is Tollbar's own."""
    checkout.stand_in("tollbar", 7)
    done = checkout.run("serve", "--port", "9000")
    assert (done.returncode, checkout.calls()) == (7, ["tollbar serve --port 9000"])
    assert (done.stdout, done.stderr) == ("tollbar was here\n", "")


def test_the_stages_run_in_order(checkout: Checkout) -> None:
    """All checks come before the tests, and pytest has the last word."""
    done = checkout.run("test")
    order = ["ruff format --check", "ruff check", "pyrefly check", "lint-imports", "pytest"]
    assert [call for call, stage in zip(checkout.calls(), order, strict=True) if not call.startswith(stage)] == []
    assert re.findall(r"^(\w+) +ok in [\d.]+ s$", done.stdout, re.MULTILINE) == ["format", "lint", "types", "imports"]
    assert done.stdout.endswith("pytest was here\n")


@pytest.mark.parametrize(("program", "calls"), [("ruff", 1), ("pyrefly", 3), ("lint-imports", 4), ("pytest", 5)])
def test_the_first_failing_stage_ends_the_run(checkout: Checkout, program: str, calls: int) -> None:
    """What a failing stage said is shown, its status is the command's, and nothing after it runs."""
    checkout.stand_in(program, 3)
    done = checkout.run("test")
    assert (done.returncode, len(checkout.calls())) == (3, calls)
    assert f"{program} was here" in done.stdout


def test_arguments_go_to_pytest_alone(checkout: Checkout) -> None:
    """Somebody who names tests wants those and nothing else."""
    checkout.run("test", "tests/wire", "-k", "sse")
    assert checkout.calls() == ["pytest tests/wire -k sse"]


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "requirements" / "dev.txt").write_text("other"),
        lambda root: (root / "pyproject.toml").write_text("other"),
        lambda root: (root / ".venv" / "tollbar-installed").unlink(),
        lambda root: (root / ".venv" / "bin" / "python").unlink(),
    ],
    ids=["requirements", "project", "unfinished", "no python"],
)
def test_a_change_asks_for_an_installation(checkout: Checkout, change: Callable[[Path], object]) -> None:
    """Whatever makes the environment stale, or left it half made, is noticed."""
    assert checkout.is_installed("dev")
    change(checkout.root)
    assert not checkout.is_installed("dev")


def test_the_larger_environment_serves_as_well(checkout: Checkout) -> None:
    """Serving is content with the tests' environment; testing is not content with the server's."""
    assert (checkout.is_installed("run"), checkout.is_installed("dev")) == (True, True)
    checkout.stamp("run")
    assert (checkout.is_installed("run"), checkout.is_installed("dev")) == (True, False)


def test_without_a_command_the_commands_are_listed(checkout: Checkout) -> None:
    """The list names every command; an unknown one shows it too, and fails."""
    commands = {*checkout.module["COMMANDS"], *ALIASES}
    for arguments, status in (((), 0), (("help",), 0), (("surve",), 2)):
        done = checkout.run(*arguments)
        assert (done.returncode, set(re.findall(r"^  ([\w-]+) ", done.stdout, re.MULTILINE))) == (status, commands)


def test_make_just_and_powershell_have_the_same_commands(checkout: Checkout) -> None:
    """They offer what dev.py has, in its order: nothing missing, nothing of their own."""
    commands = ["help", *checkout.module["COMMANDS"], *ALIASES]
    makefile, justfile, script = ((ROOT / name).read_text() for name in ("Makefile", "justfile", "build.ps1"))
    made = re.findall(r"^(?:COMMANDS|ALIASES) := (.*)$", makefile, re.MULTILINE)
    assert ["help", *" ".join(made).split()] == commands
    recipes = re.findall(
        r"^([\w-]+)(?: \*arguments)?:\n    @python3 dev.py ([\w-]+)(?: {{arguments}})?$", justfile, re.MULTILINE
    )
    assert recipes == [(name, name) for name in commands]
    listed = re.search(r"^\$Commands = @\((.*?)^\)", script, re.MULTILINE | re.DOTALL)
    assert listed is not None
    assert re.findall(r'"([\w-]+)"', listed[1]) == commands


def test_make_alone_lists_the_targets() -> None:
    """Nobody has to know a name before the first one."""
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"serve", "test", "loadtest-quick"} <= set(re.findall(r"^  ([\w-]+) ", told, re.MULTILINE))


@pytest.mark.parametrize("alias", [name for name, words in ALIASES.items() if not is_of_docker(words[0])])
def test_another_name_does_the_same(checkout: Checkout, alias: str) -> None:
    """What stands behind it is run, with the words that were given besides."""
    command, *words = ALIASES[alias]
    checkout.run(alias, "--more")
    checkout.run(command, *words, "--more")
    short, long = checkout.calls()
    assert short == long
    assert long.endswith(" ".join([*words, "--more"]))


def test_a_recipe_starts_its_program_and_ends_as_it_does(checkout: Checkout) -> None:
    """The words of the table, then those of the command line; the status is the program's."""
    checkout.stand_in("python", 5)
    done = checkout.run("load", "quick", "--users", "3")
    assert (done.returncode, checkout.calls()) == (5, ["python -m bench.users quick --users 3"])


def test_a_program_that_is_missing_is_named(checkout: Checkout) -> None:
    """Containers need Docker, which is nobody's to install here."""
    command = [sys.executable, str(checkout.root / "dev.py"), "docker-build"]
    done = subprocess.run(command, env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "dev.py: docker is not installed.\n")


def test_the_containers_are_made_from_files_that_exist() -> None:
    """Each file that a recipe names is there, and the image has the version's name."""
    words = [word for recipe in RECIPES.values() if recipe.words[0] == "docker" for word in recipe.words]
    assert [word for word in words if word.endswith(".yaml") and not (ROOT / word).is_file()] == []
    version = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[:1]
    assert [word.partition(":")[2] for word in words if word.startswith("tollbar:")] == version


def test_the_pipeline_runs_what_the_readme_says() -> None:
    """There is one test command: the README's."""
    command = "python3 dev.py test"
    assert command in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == f"exec {command}"
