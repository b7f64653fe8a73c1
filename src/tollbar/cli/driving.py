"""`tollbar smoke`: the command and its options; what it does is in `probing.py`."""

from typing import Annotated

import typer

from tollbar.cli.options import Json, Key


def smoke(
    url: Annotated[str, typer.Argument(metavar="URL", help="The server: http://127.0.0.1:8000.", show_default=False)],
    key: Key = None,
    admin_key: Annotated[
        str | None,
        typer.Option(
            "--admin-key",
            metavar="KEY",
            help="Drive administration too; TOLLBAR_ADMIN_KEY is better. Makes a key, and ends it.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="The model to call, in place of the guide.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Drive a running server through everything it says it answers.

    Each address of its /openapi.json is called: as it should be, without a key, with faulty bodies. A line says how
    each call went, and the status is 1 if one failed. Models are really called, with a few tokens.
    """
    from tollbar.cli import probing

    probing.smoke(url, key, admin_key, model, as_json)
