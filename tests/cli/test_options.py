"""The command line as a whole: its groups and what its help says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import typer
import typer.main

from tests.cli.running import Terminal
from tollbar.cli.__main__ import commands
from tollbar.cli.options import app, spread

WIDTH = 100


def paths() -> Iterator[tuple[str, ...]]:
    """The words of every command and group."""

    def walk(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield path
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, (*path, name))

    return walk(typer.main.get_command(commands), ())


@pytest.mark.parametrize("path", list(paths()), ids=" ".join)
def test_every_help_reads_well(terminal: Terminal, path: tuple[str, ...]) -> None:
    """Each command says what it does in sentences, each option has a text, and nothing is cut off."""
    said = terminal.good(*path, "--help").out
    assert "..." not in said.partition("\n")[2]
    assert max(map(len, said.splitlines())) <= WIDTH
    description = said.partition("\n\n")[2].partition("\n\n")[0]
    assert description.strip().endswith(".")
    options = said.partition("Options:")[2]
    assert [kind for kind in ("<str>", "<int>", "<path>") if kind in options] == []


def test_a_group_alone_shows_its_help(terminal: Terminal) -> None:
    """Without a command, the commands are listed, beside the output that nobody asked for yet."""
    for path, expected in (((), "serve"), (("keys",), "create")):
        said = terminal.run(*path)
        assert (said.status, said.out, expected in said.err) == (2, "", True)


def test_a_mistyped_command_is_told(terminal: Terminal) -> None:
    """Usage faults leave status 2."""
    said = terminal.run("kyes")
    assert (said.status, "kyes" in said.err) == (2, True)


@dataclass(frozen=True)
class Sizes:
    """Options of a test."""

    wide: Annotated[int, typer.Option("--wide", help="How wide.")] = 1
    high: Annotated[int | None, typer.Option("--high", help="How high.")] = None


def test_a_class_of_options_is_spread_out() -> None:
    """Its options stand where the parameter stood, and the command gets the class, with what was given and what not."""
    seen: list[object] = []
    group = app("A test.")

    @group.command("draw")
    @spread
    def draw(
        name: Annotated[str, typer.Argument()], sizes: Sizes, *, loud: Annotated[bool, typer.Option()] = False
    ) -> None:
        """Draw."""
        seen.append((name, sizes, loud))

    group.callback()(lambda: None)
    for words in (["draw", "a"], ["draw", "a", "--high", "3", "--loud"]):
        group(words, standalone_mode=False)
    assert seen == [("a", Sizes(), False), ("a", Sizes(high=3), True)]
    drawing: Any = typer.main.get_command(group)
    assert [one.name for one in drawing.commands["draw"].params] == ["name", "wide", "high", "loud"]
