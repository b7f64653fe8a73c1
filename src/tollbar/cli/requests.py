"""`tollbar requests`: the calls that a server runs now, in whichever of its processes, and the end of one."""

from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import output
from tollbar.cli.faults import spoken
from tollbar.cli.keys import run
from tollbar.cli.options import Config, Data, Json, app

if TYPE_CHECKING:
    from datetime import datetime

    from tollbar.domain.records import RunningCall

commands = app("List the calls that are running, and end one. 'tollbar explain request ID' tells of one that is over.")


@commands.command("list")
def list_running(as_json: Json = False, config: Config = None, data: Data = None) -> None:
    """List the calls that are running, the longest first."""
    with spoken():
        found, now = run(config, data, lambda desk: desk.running())
    if as_json:
        from tollbar.edge.request_schemas import RunningList

        output.say_json(RunningList.of(found).model_dump())
        return
    if found.silent:
        output.note(f"{found.silent} of the server's processes did not answer: it is gone, or very busy.")
    if found.calls:
        output.say_table(("id", "key", "model", "since", "tokens"), [_row(call, now) for call in found.calls])
    else:
        output.note("No call is running.")


@commands.command("cancel")
def cancel(
    request_id: Annotated[
        str, typer.Argument(metavar="ID", help="The call, as 'tollbar requests list' names it.", show_default=False)
    ],
    config: Config = None,
    data: Data = None,
) -> None:
    """End a running call of whatever key.

    A stream ends as a whole one does, another call with an error. It is charged as one that its caller left.
    """
    with spoken():
        run(config, data, lambda desk: desk.cancel(request_id))
    output.say(f"{output.clean(request_id)} is cancelled. What it cost: tollbar explain request {request_id}")


def _row(call: "RunningCall", now: "datetime") -> tuple[str, ...]:
    since = output.relative(call.since, now)
    return (call.id, output.clean(call.key_name), output.clean(call.model), since, f"{call.tokens:,}")
