"""The command `tollbar`."""

import gc
import sys
from typing import Annotated

import typer

from tollbar import __version__
from tollbar.cli import (
    alerting,
    auditing,
    chatting,
    checking,
    documents,
    driving,
    end_users,
    explaining,
    importing,
    keys,
    offering,
    pulling,
    requests,
    serving,
    starting,
    teams,
    topping,
)
from tollbar.cli.options import app
from tollbar.cli.output import say

COLLECT_AFTER = 50_000
"""New containers, less those freed, before the collector looks at the young ones; Python's default is 700."""

UNWANTED = ("rich", "pydantic.v1")
"""What libraries import where they can, and do without where they cannot: a tenth of a start.

structlog has tracebacks in colour by the first, that nobody sees here; FastAPI asks of each type whether it is one of
the second's, and none is.
"""

commands = app("Tollbar: one API in front of many models, with keys, limits and an exact ledger.")


def _version(wanted: bool) -> None:
    if wanted:
        say(__version__)
        raise typer.Exit


@commands.callback()
def tollbar(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and end.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Tollbar: one API in front of many models, with keys, limits and an exact ledger."""


commands.command("serve")(serving.serve)
commands.command("chat")(chatting.chat)
commands.command("smoke")(driving.smoke)
commands.command("init")(starting.init)
commands.command("check")(checking.check)
commands.command("doctor")(checking.doctor)
keys.commands.command("end-users")(end_users.of_key)
teams.commands.command("end-users")(end_users.of_team)
commands.add_typer(keys.commands, name="keys")
commands.add_typer(teams.commands, name="teams")
commands.add_typer(topping.commands, name="top-up")
commands.add_typer(alerting.commands, name="alerts")
commands.add_typer(auditing.commands, name="audit")
commands.add_typer(requests.commands, name="requests")
commands.command("models")(offering.models)
commands.command("pull")(pulling.pull)
commands.command("rm")(pulling.remove)
commands.command("import")(importing.take_over)
commands.command("routes")(explaining.routes)
commands.command("explain")(explaining.explain)
commands.add_typer(starting.admin, name="admin")
commands.add_typer(documents.commands, name="docs", hidden=True)


def main() -> None:
    """Run the command line of this process."""
    # What is imported stays, and calls leave next to no cycles behind: by Python's own thresholds the collector takes a
    # twentieth of a start, and a third of a busy server's time, for walking objects that are all in use.
    gc.set_threshold(COLLECT_AFTER, 20, 50)
    for module in UNWANTED:  # None makes its import fail at once
        sys.modules.setdefault(module, None)  # type: ignore[arg-type]
    commands(prog_name="tollbar")


if __name__ == "__main__":
    main()
