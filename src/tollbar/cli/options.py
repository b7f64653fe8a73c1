"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

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
