"""`tollbar alerts`: who is told that an allowance is nearly used up, and what was told."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollbar.cli import output
from tollbar.cli.faults import spoken
from tollbar.cli.granting import names
from tollbar.cli.keys import run
from tollbar.cli.options import Config, Data, Json, app

if TYPE_CHECKING:
    from tollbar.cli.store import Desk
    from tollbar.domain.alerts import Webhook
    from tollbar.edge.alert_schemas import AlertList

commands = app("Have a webhook told when allowances are nearly used up.")
USUAL = "usual"


class Owner(StrEnum):
    """Whose allowances."""

    KEY = "key"
    TEAM = "team"


@commands.command("list")
def list_newest(as_json: Json = False, config: Config = None, data: Data = None) -> None:
    """List alerts, where they go, and thresholds."""

    async def look(desk: "Desk") -> "AlertList":
        from tollbar.edge.alert_schemas import AlertList

        async with desk.alerts() as alerts:
            return AlertList.of(await alerts.hook(), alerts.usual, await alerts.thresholds(), await alerts.newest())

    with spoken():
        found, now = run(config, data, look)
    if as_json:
        output.say_json(found.model_dump())
        return
    output.say_pairs(
        [
            ("webhook", found.webhook or "none: set one with 'tollbar alerts webhook URL'"),
            ("usual thresholds", _percents(found.usual)),
            *(("thresholds", f"{one.owner}, {one.unit}: {_percents(one.at)}") for one in found.thresholds),
        ]
    )
    rows = [
        (output.moment(one.at, now), _reached(one.data), one.state, str(one.attempts), output.clean(one.fault or ""))
        for one in found.data
    ]
    if rows:
        output.say_table(("at", "what", "state", "attempts", "fault"), rows)


@commands.command("test")
def send_test(config: Config = None, data: Data = None) -> None:
    """Send a test alert, and say how the webhook took it."""

    async def send(desk: "Desk") -> str | None:
        async with desk.alerts() as alerts:
            return await alerts.test()

    with spoken():
        fault, _ = run(config, data, send)
    if fault is not None:
        output.note(fault)
        raise typer.Exit(1)
    output.say("The webhook took it.")


@commands.command("webhook")
def webhook(
    url: Annotated[str | None, typer.Argument(metavar="URL", help="Where alerts go.", show_default=False)] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Send no more alerts.")] = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Set where alerts go.

    The secret that they are signed with is shown this once.
    """
    from tollbar.domain.errors import InvalidValue

    async def change(desk: "Desk") -> "Webhook | None":
        async with desk.alerts() as alerts:
            return await alerts.set_hook(desk.alert_store, url, None)

    with spoken():
        if (url is None) is not remove:
            raise InvalidValue("Name an address, or --remove.", field="url")
        hook, _ = run(config, data, change)
    if hook is None:
        output.say("Alerts are sent nowhere.")
        return
    output.say_pairs([("webhook", hook.url), ("secret", hook.secret)])
    output.note("The secret is shown this once. Whoever receives alerts checks their signature with it.")


@commands.command("set")
def set_thresholds(
    owner: Annotated[Owner, typer.Argument(metavar="key|team", help="Whose allowances.", show_default=False)],
    reference: Annotated[str, typer.Argument(metavar="NAME", help="Its name or id.", show_default=False)],
    at: Annotated[
        str, typer.Option("--at", metavar="PERCENT", help="50,80,100; 'usual' for those of the settings; '' for none.")
    ],
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="UNIT", help="Of one allowance: credits, dollars or tokens.")
    ] = (None),
    config: Config = None,
    data: Data = None,
) -> None:
    """Set the thresholds of a key's or a team's allowances.

    The team 'installation' is everybody's.
    """
    from tollbar.admin.keys import find_key
    from tollbar.admin.teams import find_team

    async def change(desk: "Desk") -> tuple[int, ...] | None:
        found = await (find_key(desk.keys, reference) if owner is Owner.KEY else find_team(desk.teams, reference))
        async with desk.alerts() as alerts:
            return await alerts.set_thresholds(desk.alert_store, found.id, _read(at), unit)

    with spoken():
        chosen, _ = run(config, data, change)
    output.say("The usual thresholds hold." if chosen is None else f"Thresholds: {_percents(chosen)}.")


def _read(text: str) -> list[int] | None:
    from tollbar.domain.errors import InvalidValue

    if text == USUAL:
        return None
    try:
        return [int(part.strip().removesuffix("%")) for part in names(text) or ()]
    except ValueError:
        raise InvalidValue(f"{text[:64]!r} are no thresholds.", field="at", hint="Write 50,80,100.") from None


def _reached(data: "dict[str, Any]") -> str:
    return output.clean(f"{data['name']}: {data['threshold_percent']} % of {data['unit']}")


def _percents(at: "list[int] | tuple[int, ...]") -> str:
    return ", ".join(f"{one} %" for one in at) or "none"
