"""`tollbar serve`: the settings, the log, then the server. Nothing else is imported on the way: a start is quick."""

from typing import Annotated

import typer

from tollbar.cli.faults import spoken
from tollbar.cli.options import Config, Data
from tollbar.cli.output import note, say


def serve(
    host: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="ADDRESS", help="The address to listen on, in place of 127.0.0.1.", show_default=False
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="NUMBER", help="The port to listen on, in place of 8000.", show_default=False),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="NUMBER", help="How many processes serve, in place of 1.", show_default=False
        ),
    ] = None,
    config: Config = None,
    data: Data = None,
) -> None:
    """Start Tollbar.

    It prints its address and a line to try. Ctrl+C stops it, once the calls under way have finished; a second one, at
    once.
    """
    with spoken():
        from tollbar.cli.context import read_settings

        settings = read_settings(config, data, {"server.host": host, "server.port": port, "server.workers": workers})
        for warning in settings.warnings:
            note(f"note: {warning}")

        from tollbar import app  # after the settings are known to hold: it is most of a start

        app.serve(settings, say)
