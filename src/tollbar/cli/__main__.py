"""The command `tollbar`."""

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
    # structlog imports rich where it can, for tracebacks in colour that nobody sees here: a tenth of a start. None
    # makes that import fail at once, which structlog expects.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    commands(prog_name="tollbar")


if __name__ == "__main__":
    main()
