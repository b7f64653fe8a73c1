"""`tollbar models`: what these settings offer, and with --check whether each of it can be reached."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import output
from tollbar.cli.explaining import price
from tollbar.cli.faults import FAILED, spoken
from tollbar.cli.options import Config, Data, Json

if TYPE_CHECKING:
    from tollbar.app.catalogue import Offer
    from tollbar.cli.reaching import Finding
    from tollbar.domain.catalogue import Model, Target
    from tollbar.settings import Settings

CHECK_SECONDS = 30.0


def models(
    check: Annotated[
        bool, typer.Option("--check", help="Ask each configured model for a word, and say which cannot be reached.")
    ] = False,
    seconds: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="How long one of them may take.", min=0.1)
    ] = CHECK_SECONDS,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """List the models that callers may name.

    Each is shown with its targets, their context and their price. With --check every one that is configured is really
    called, with a few tokens, which a vendor may charge for; a provider without configured models is asked for its
    list. The status is 1 if one fails.
    """
    from tollbar.cli.context import read_settings

    with spoken():
        settings = read_settings(config, data)
        if check:
            from tollbar.cli.reaching import reach

            _say_findings(asyncio.run(reach(settings, seconds)), as_json)
        else:
            _say_offer(asyncio.run(_offer(settings)), as_json)


async def _offer(settings: "Settings") -> "Offer":
    """What a start of these settings would offer now."""
    from tollbar.app.local import on_shelf, shelf_of
    from tollbar.app.stocked import stocked
    from tollbar.app.upstreams import open_upstreams
    from tollbar.clock import SystemClock
    from tollbar.providers.prices import Prices
    from tollbar.providers.transport import Transport

    clock = SystemClock()
    async with Transport(clock, settings.egress.proxy, settings.egress.ca_file) as transport:
        _, made, _ = await open_upstreams(settings, transport, Prices(lambda: clock.now().date()), clock)
    return stocked(made, settings, on_shelf(shelf_of(settings)))


def _say_offer(made: "Offer", as_json: bool) -> None:
    catalogue = made.catalogue
    are_open = [name for name in catalogue.open_providers if name in made.instances]  # others serve what is listed
    if as_json:
        output.say_json(
            {
                "default_model": catalogue.default_model,
                "models": [_described(model) for model in made.listed],
                "aliases": dict(catalogue.aliases),
                "open_providers": are_open,
            }
        )
        return
    heads = ("model", "target", "where", "context", "input per million", "output per million", "credits")
    rows = [row for model in made.listed for row in _rows(model, catalogue.default_model)]
    rows += [(alias, f"stands for {goal}", "", "", "", "", "") for alias, goal in catalogue.aliases.items()]
    output.say_table(heads, rows)
    for name in are_open:
        output.note(f"note: any model of {name} can be named, as {name}/MODEL.")
    for warning in made.warnings:
        output.note(f"note: {warning}")


def _rows(model: "Model", default_model: str) -> Iterator[Sequence[str]]:
    name = f"{model.name} (default)" if model.name == default_model else model.name
    factor = "" if model.multiplier == 1 else f"{model.multiplier} times"
    for place, target in enumerate(model.targets):
        first = (name, factor) if place == 0 else ("", "")
        context = f"{target.context_tokens:,}" if target.context_tokens else ""
        yield (first[0], target.name, _where(target), context, *_prices(target), first[1])


def _where(target: "Target") -> str:
    return "local" if target.is_local else "cloud"


def _prices(target: "Target") -> tuple[str, str]:
    return (price(target.card.prompt), price(target.card.completion)) if target.card else ("unknown", "")


def _described(model: "Model") -> dict[str, object]:
    return {
        "model": model.name,
        "multiplier": model.multiplier,
        "targets": [
            {
                "target": target.name,
                "where": _where(target),
                "context_tokens": target.context_tokens,
                "max_output_tokens": target.max_output_tokens,
                "price_version": target.card.version if target.card else None,
                "input_per_million": _prices(target)[0],
                "output_per_million": _prices(target)[1],
            }
            for target in model.targets
        ],
    }


def _say_findings(findings: "Sequence[Finding]", as_json: bool) -> None:
    if as_json:
        output.say_json(
            [
                {
                    "model": found.model,
                    "target": found.target,
                    "ok": found.is_ok,
                    "milliseconds": found.milliseconds,
                    "context_tokens": found.context_tokens,
                    "fault": found.fault,
                    "remedy": found.remedy,
                }
                for found in findings
            ]
        )
    else:
        heads = ("model", "target", "state", "latency", "context", "what failed", "remedy")
        output.say_table(heads, [_finding_row(found) for found in findings])
    failed = sum(not found.is_ok for found in findings)
    if failed:
        output.note(f"tollbar: {failed} of {len(findings)} cannot be reached.")
        raise typer.Exit(FAILED)


def _finding_row(found: "Finding") -> Sequence[str]:
    state = "ok" if found.is_ok else "failed"
    latency = f"{found.milliseconds:,} ms" if found.is_ok else ""
    context = f"{found.context_tokens:,}" if found.context_tokens else ""
    return (found.model, found.target, state, latency, context, found.fault, found.remedy)
