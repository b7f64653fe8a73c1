"""`tollbar audit`: who changed what, and whether anybody changed that."""

from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import output
from tollbar.cli.faults import spoken
from tollbar.cli.keys import run
from tollbar.cli.options import Config, Data, Json, app

if TYPE_CHECKING:
    from tollbar.domain.audit import Entry

commands = app("Show who changed keys and teams. Entries are only ever added, each sealed with the one before it.")


@commands.command("list")
def list_newest(
    actor: Annotated[str, typer.Option("--actor", metavar="TEXT", help="Only by whoever's name holds this.")] = "",
    action: Annotated[str, typer.Option("--action", metavar="TEXT", help="Only what holds this: key.revoke.")] = "",
    subject: Annotated[str, typer.Option("--of", metavar="TEXT", help="Only of the key or team with this id.")] = "",
    before: Annotated[
        int,
        typer.Option("--before", metavar="NUMBER", help="Only entries before this one.", min=1, show_default=False),
    ] = 2**62,
    count: Annotated[int, typer.Option("--count", metavar="NUMBER", help="How many at most.", min=1, max=1_000)] = 200,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """List the last changes, newest first."""
    from tollbar.domain.audit import Search

    search = Search(actor, action, subject, before, count)
    with spoken():
        entries, _ = run(config, data, lambda desk: desk.audit.find(search))
    if as_json:
        output.say_json({"object": "list", "data": [describe(entry) for entry in entries]})
        return
    if not entries:
        output.say("There is no such change.")
        return
    heads = ("at", "by", "what", "of", "before", "after")
    output.say_table(heads, [_row(entry) for entry in entries])


@commands.command("verify")
def verify(config: Config = None, data: Data = None) -> None:
    """Say whether every entry is as it was written.

    Keep the last seal elsewhere: entries that were cut off at the end leave the rest whole, with another last seal.
    """
    with spoken():
        (count, last, wrong), _ = run(config, data, lambda desk: desk.audit.verify())
    if wrong is not None:
        output.note(f"Entry {wrong} does not follow from the one before it: it, or one before it, was changed.")
        raise typer.Exit(1)
    entries = "entry" if count == 1 else "entries"
    output.say(f"{count:,} {entries}, each as it was written. The last seal is {last.hex()}.")


def describe(entry: "Entry") -> dict[str, object]:
    """An entry for programs."""
    from tollbar.edge.audit_schemas import EntryView

    return EntryView.of(entry).model_dump()


def _row(entry: "Entry") -> tuple[str, ...]:
    return (f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.actor, entry.action, entry.subject, entry.before, entry.after)
