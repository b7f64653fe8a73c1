"""The commands, settings and links that the README and the pages for users show are ones that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml

import dev
from tollbar.cli.__main__ import commands
from tollbar.settings.values import Declared
from tools.recipes import ALIASES

ROOT = Path(__file__).parent.parent
# Made from the tables of the code, and written for those who change it; they have tests of their own.
MADE = {"configuration.md", "endpoints.md", "errors.md", "metrics.md"}
FOR_DEVELOPERS = {"journey.md", "extending.md"}
PAGES = [ROOT / "README.md", ROOT / "THREAT_MODEL.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {
    page.relative_to(ROOT).as_posix(): page.read_text("utf-8")
    for page in PAGES
    if page.name not in MADE | FOR_DEVELOPERS
}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\(([^)#]+)(?:#[^)]*)?\)|`((?:docs/)?[\w-]+\.md)`")


def blocks(kind: str) -> Iterator[tuple[str, str]]:
    """Every fenced block of a kind, with the page it is on."""
    for page, text in TEXTS.items():
        for found in BLOCK.finditer(text):
            if found[1] == kind:
                yield page, found[2]


def shell_lines() -> Iterator[tuple[str, list[str]]]:
    """Every command of a shell block, in words; assignments before it and what follows a comment are left out."""
    for page, block in blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words = words[1:]
            if words:
                yield page, words


def test_the_readme_shows_how_to_start_and_how_to_test() -> None:
    """The two commands that everything else builds on, each in a block of its own."""
    shown = [block.strip() for page, block in blocks("sh") if page == "README.md"]
    assert {"python3 dev.py serve", "python3 dev.py test"} <= set(shown)


def test_development_commands_exist() -> None:
    """Each `python3 dev.py NAME`, in a block or in the text, is a command of dev.py."""
    named = {name for text in TEXTS.values() for name in re.findall(r"dev\.py (\w[\w-]*)", text)}
    assert sorted(named - dev.COMMANDS.keys() - ALIASES.keys()) == []


def test_make_targets_exist() -> None:
    """Each `make NAME` is a target of the Makefile."""
    lists = re.findall(r"^(?:COMMANDS|ALIASES) := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    known = " ".join(lists)
    named = {name for text in TEXTS.values() for name in re.findall(r"`make ([\w-]+)`", text)}
    assert sorted(named - set(known.split())) == []


def test_commands_of_tollbar_exist() -> None:
    """Each `tollbar …` in a block names a command and options that the program has."""
    shown = [(page, words) for page, words in shell_lines() if Path(words[0]).name == "tollbar"]
    assert [(page, " ".join(words)) for page, words in shown if not is_command(words[1:])] == []


def is_command(words: list[str]) -> bool:
    """Whether the words are a command of the program with options that it takes."""
    command = typer.main.get_command(commands)
    while words and (children := getattr(command, "commands", {})) and words[0] in children:
        command = children[words[0]]
        words = words[1:]
    options = {name for parameter in command.params for name in parameter.opts}
    return not hasattr(command, "commands") and {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize(("page", "block"), list(blocks("yaml")))
def test_settings_are_valid(page: str, block: str) -> None:
    """Each YAML block is a settings file without unknown keys or impossible values."""
    values = yaml.safe_load(re.sub(r"file:[^\s\"}]+", "text", block))
    Declared.model_validate(values)
    assert values, page


def test_links_lead_somewhere() -> None:
    """Each file that a page for users links to or names is there."""
    lost = [
        f"{page}: {target}"
        for page, text in TEXTS.items()
        for linked, named in LINK.findall(text)
        if (target := linked or named) and Path(target).name not in MADE and "://" not in target
        if not any((folder / target).exists() for folder in (ROOT, (ROOT / page).parent))
    ]
    assert lost == []
