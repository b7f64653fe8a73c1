"""`tollbar routes` and `tollbar explain`: what is served, and where a call would go, without calling anybody."""

import inspect
from collections.abc import Sequence
from typing import Annotated

import typer

from tollbar.cli import output
from tollbar.cli.faults import spoken
from tollbar.cli.options import Config, Data, Json
from tollbar.domain.catalogue import Plan, Target
from tollbar.domain.money import PICO_PER_DOLLAR_PER_MILLION, Rate


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
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The name a caller would use.", show_default=False)],
    key: Annotated[
        str | None, typer.Option("--key", help="The key's name or id, to leave out what it may not use.")
    ] = None,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Say where a call to a model would go, and why.

    The targets are listed in the order in which they would be tried. Nobody is called.
    """
    from tollbar.cli.context import read_settings

    with spoken():
        settings = read_settings(config, data)

        from tollbar import app

        plan = app.explain(settings, model, key)
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


def _target_row(place: int, target: Target) -> Sequence[str]:
    context = f"{target.context_tokens:,} tokens" if target.context_tokens else ""
    if target.card is None:
        return (str(place), target.name, context, "price unknown", "")
    return (str(place), target.name, context, _price(target.card.prompt), _price(target.card.completion))


def _price(rate: Rate) -> str:
    return "free" if rate.highest == 0 else f"${rate.base / PICO_PER_DOLLAR_PER_MILLION:,.4g}"


def _summary(handler: object) -> str:
    return (inspect.getdoc(handler) or "").partition("\n")[0].rstrip(".")
