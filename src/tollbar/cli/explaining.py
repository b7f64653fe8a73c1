"""`tollbar routes` and `tollbar explain`: what is served, and where a call would go, without calling anybody."""

import asyncio
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import output
from tollbar.cli.faults import spoken
from tollbar.cli.histories import explained
from tollbar.cli.options import Config, Data, Json
from tollbar.domain.catalogue import Plan, Target
from tollbar.domain.identity import Membership, Principal
from tollbar.domain.money import PICO_PER_DOLLAR_PER_MILLION, Rate

if TYPE_CHECKING:
    from tollbar.settings import Settings


def routes(as_json: Json = False) -> None:
    """List every address that Tollbar answers."""
    from tollbar.edge.routes import CALLS, PAGES

    rows = [(route.method, route.path, route.access.value, "calls a model") for route in CALLS]
    rows += [(page.method, page.path, page.access.value, _summary(page.handler)) for page in PAGES]
    if as_json:
        output.say_json([dict(zip(("method", "path", "access", "text"), row, strict=True)) for row in rows])
    else:
        output.say_table(("method", "path", "access", "what it does"), rows)


def explain(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The name a caller would use; or 'request'.", show_default=False)
    ],
    request_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="After 'request': the id of a call.", show_default=False)
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="The key's name or id, to leave out what it may not use.")
    ] = None,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Say where a call would go, or what it cost, and why.

    The targets are listed in the order in which they would be tried. Nobody is called. 'tollbar explain request ID'
    tells of a call that is over: its attempts, and how its price came about.
    """
    from tollbar.cli.context import read_settings

    with spoken():
        if request_id is not None:
            explained(read_settings(config, data), model, request_id, as_json=as_json)
            return
        plan = asyncio.run(_plan(read_settings(config, data), model, key))
    if as_json:
        output.say_json(describe_plan(plan))
    else:
        say_plan(plan)


def say_plan(plan: Plan) -> None:
    """Writes a plan for people."""
    multiplier = "" if plan.model.multiplier == 1 else f", at {plan.model.multiplier} times the credits of a call"
    output.say(f"{output.clean(plan.model.name)}{multiplier}: {output.clean(plan.reason)}")
    output.say()
    heads = ("", "target", "context", "input per million", "output per million")
    output.say_table(heads, [_target_row(place, target) for place, target in enumerate(plan.targets, 1)])
    if plan.skipped:
        output.say()
        output.say_table(("left out", "because"), plan.skipped)


def describe_plan(plan: Plan) -> dict[str, object]:
    """A plan for programs."""
    return {
        "model": plan.model.name,
        "multiplier": plan.model.multiplier,
        "attempts": plan.model.attempts,
        "reason": plan.reason,
        "targets": [
            {
                "target": target.name,
                "context_tokens": target.context_tokens,
                "max_output_tokens": target.max_output_tokens,
                "price_version": target.card.version if target.card else None,
            }
            for target in plan.targets
        ],
        "skipped": [{"target": target, "reason": reason} for target, reason in plan.skipped],
    }


async def _plan(settings: "Settings", model: str, reference: str | None) -> Plan:
    """The plan for a call with every target up: what is configured and pulled, without servers that a start finds."""
    from tollbar.admin.keys import find_key
    from tollbar.app.catalogue import offer
    from tollbar.app.local import on_shelf, shelf_of
    from tollbar.app.stocked import stocked
    from tollbar.cli.store import open_store
    from tollbar.clock import SystemClock
    from tollbar.gateway.resolve import resolve
    from tollbar.providers import vendors
    from tollbar.providers.prices import Prices

    principal = Principal("", "")
    if reference is not None:
        async with open_store(settings) as desk:
            key = await find_key(desk.keys, reference)
            team = await desk.teams.get(key.team) if key.team else None
            shared = Membership(team.id, team.name, team.models) if team else None
            principal = Principal(key.id, key.name, models=key.models, team=shared)
    base = offer(settings, vendors.load(), (), Prices(lambda: SystemClock().now().date()))
    offered = stocked(base, settings, on_shelf(shelf_of(settings)))
    for warning in offered.warnings:
        output.note(f"note: {warning}")
    return resolve(model, frozenset(), principal, offered.catalogue, lambda _: True)


def _target_row(place: int, target: Target) -> Sequence[str]:
    context = f"{target.context_tokens:,} tokens" if target.context_tokens else ""
    if target.card is None:
        return (str(place), target.name, context, "price unknown", "")
    return (str(place), target.name, context, price(target.card.prompt), price(target.card.completion))


def price(rate: Rate) -> str:
    """A rate as people say it: dollars for a million tokens."""
    return "free" if rate.highest == 0 else f"${rate.base / PICO_PER_DOLLAR_PER_MILLION:,.4g}"


def _summary(handler: object) -> str:
    return (inspect.getdoc(handler) or "").partition("\n")[0].rstrip(".")
