"""`tollbar pull` and `tollbar rm`: models onto this machine, and off it.

A pull works without a server, and beside one: what it puts on the shelf, a running server offers within a second.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import output
from tollbar.cli.faults import FAILED, spoken
from tollbar.cli.options import Config, Data, Json
from tollbar.cli.telling_pulls import Bar, size, tell_json

if TYPE_CHECKING:
    from tollbar.domain.local_models import Progress, PullPlan
    from tollbar.ports.models import ModelSource
    from tollbar.providers.local.proposal import Proposal
    from tollbar.settings import Settings

INTERRUPTED = 130
STOPPED = "tollbar: stopped. The next pull goes on from here."
WAITED = (
    "tollbar: stopped waiting. The other pull goes on; a server's is ended by DELETE /admin/api/models/pulls/ID "
    "(GET /admin/api/models tells the ID)."
)


def pull(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A short name (tinyllama), a repository of Hugging Face (owner/name, owner/name:Q4_K_M, "
            "owner/name:file.gguf), a path, or ollama:NAME. Without one, a model for this machine is proposed.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Pull what is proposed, without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write a line of JSON for each step, for programs.")] = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Fetch a model that runs on this machine.

    It goes on where an earlier pull ended, and is checked against the hub's checksum. HF_TOKEN opens private
    repositories, HF_ENDPOINT names a mirror.
    """
    from tollbar.cli.context import read_settings

    with spoken():
        settings = read_settings(config, data)
        wanted = name or _proposed(yes, as_json)
        try:
            plan = asyncio.run(_pull(settings, wanted, as_json))
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
    if not as_json:
        _say_done(plan)


def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model, as `tollbar models` names it.")],
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Delete a model from this machine.

    One that was added by its path is only forgotten.
    """
    from tollbar.admin.pulls import remove_model
    from tollbar.app.local import shelf_of
    from tollbar.cli.context import read_settings

    with spoken():
        removed = remove_model(shelf_of(read_settings(config, data)), name)
    if as_json:
        output.say_json(
            {"removed": removed.name if removed else name, "bytes": removed.size_bytes if removed else None}
        )
    elif removed is None:
        output.say(f"What an unfinished pull left of {output.clean(name)} is gone.")
    else:
        output.say(f"{removed.name} is gone: {size(removed.size_bytes)}.")


def _proposed(yes: bool, as_json: bool) -> str:
    """The name of the model for this machine, once its owner has agreed."""
    from tollbar.providers.local import names
    from tollbar.providers.local.machine import look
    from tollbar.providers.local.proposal import propose

    machine = look()
    proposal = propose(names.load().models.values(), machine)
    if as_json:
        tell_json({"state": "proposed", "model": proposal.model.name, "size_bytes": proposal.model.size_bytes,
                   "memory_bytes": proposal.memory_bytes, "tokens_per_second": round(proposal.tokens_per_second, 1),
                   "does_fit": proposal.does_fit})  # fmt: skip
    else:
        output.note(
            f"This machine has {size(machine.free_bytes)} of memory for models and "
            f"{machine.cores} {'core' if machine.cores == 1 else 'cores'}, and reads "
            f"{size(int(machine.bytes_per_second))} of memory in a second."
        )
        _say_proposal(proposal)
    if not yes and (as_json or not typer.confirm(f"Pull {proposal.model.name}?", default=proposal.does_fit, err=True)):
        output.note("Nothing was pulled. `tollbar pull NAME` fetches another; --yes asks nothing.")
        raise typer.Exit(FAILED if as_json else 0)
    return proposal.model.name


def _say_proposal(proposal: "Proposal") -> None:
    model = proposal.model
    output.note(
        f"Proposed: {model.name}, {size(model.size_bytes)} to fetch, about {size(proposal.memory_bytes)} of memory, "
        f"licence {model.licence}."
    )
    output.note(
        f"It will write about {proposal.tokens_per_second:.0f} tokens a second at most: each token reads all its "
        "weights from memory once, and how fast memory is was measured just now."
    )
    if not proposal.does_fit:
        output.note("It is the smallest proposed, and does not fit into the memory that is free now.")


async def _pull(settings: "Settings", name: str, as_json: bool) -> "PullPlan":
    from tollbar.app.pulling import model_source
    from tollbar.clock import SystemClock

    async with model_source(settings, SystemClock()) as source:
        plan = await source.plan(name, may_be_path=True)
        if as_json:
            tell_json({"state": "planned", "model": plan.name, "source": plan.source, "size_bytes": plan.size_bytes,
                       "missing_bytes": plan.missing_bytes, "licence": plan.licence})  # fmt: skip
            await carry_out(source, plan, _json_teller(plan.name))
        elif plan.is_here:
            await source.fetch(plan, lambda _: None)
        else:
            licence = f", licence {plan.licence}" if plan.licence else ""
            output.note(f"{output.clean(plan.name)} from {output.clean(plan.source)}{output.clean(licence)}")
            with Bar(plan.name) as bar:
                await carry_out(source, plan, bar.tell)
    return plan


async def carry_out(source: "ModelSource", plan: "PullPlan", tell: "Callable[[Progress], None]") -> None:
    """Carries a plan out; who interrupts it is told what goes on all the same."""
    from tollbar.domain.local_models import PullState

    state = PullState.DOWNLOADING

    def hear(progress: "Progress") -> None:
        nonlocal state
        state = progress.state
        tell(progress)

    try:
        await source.fetch(plan, hear)
    except asyncio.CancelledError:
        output.note(WAITED if state is PullState.WAITING else STOPPED)
        raise


def _json_teller(name: str) -> Callable[..., None]:
    from tollbar.cli.telling_pulls import JsonLines

    return JsonLines(name).tell


def _say_done(plan: "PullPlan") -> None:
    name = output.clean(plan.name)
    if plan.origin == "ollama":
        output.say(f"{name} is with Ollama; a server that is started now offers it.")
        return
    output.say(f"{name} {'was here already' if plan.is_here else 'is here'}.")
    if plan.kind == "chat":
        output.note(f'Call it: "model": "{name}" on any endpoint, or tollbar chat --model {name}.')
    else:
        output.note(f'Call it: "model": "{name}" on /v1/embeddings.')
