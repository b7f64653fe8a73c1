"""The options that several commands share, and how a command takes a whole class of them."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

Config = Annotated[
    Path | None,
    typer.Option("--config", help="The settings file, in place of ./tollbar.yaml.", show_default=False, metavar="FILE"),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="Where state lives, in place of ./data.", show_default=False, metavar="FOLDER"),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="ADDRESS",
        help="The server, in place of the one on this machine: http://host:8000, or an API's base URL.",
        show_default=False,
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="The key to call with. TOLLBAR_KEY is better: others can see a command's options.",
        show_default=False,
    ),
]


def app(text: str) -> typer.Typer:
    """A group of commands that shows its help when it is called without one."""
    return typer.Typer(
        help=text,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
    )


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """The command with options of its own in the place of each parameter that is a dataclass of options.

    So what several commands take is said once. Each field of such a class is an option with a default.
    """
    taken = inspect.signature(command, eval_str=True).parameters
    groups = {name: one.annotation for name, one in taken.items() if is_dataclass(one.annotation)}

    @wraps(command)
    def run(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{one.name: given.pop(one.name) for one in fields(kind)})
        command(**given)

    spread_out = [each for one in taken.values() for each in _options_of(one)]
    run.__signature__ = inspect.Signature(spread_out)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in spread_out}
    return run


def _options_of(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    by_name = inspect.Parameter.KEYWORD_ONLY
    if not is_dataclass(parameter.annotation):
        yield parameter.replace(kind=by_name)
        return
    for one in fields(parameter.annotation):
        yield inspect.Parameter(one.name, by_name, default=one.default, annotation=one.type)
