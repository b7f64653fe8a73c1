"""Whether each configured model can be reached, found out by really calling it through its provider.

Guarantees: only what somebody configured is called: the models of the file, the default model, the guide, and what was
pulled, which is loaded for it. A provider that has none of them is asked for its list, which costs nothing. Each target
once, a few at a time, each with a bound on its time; a failure of one is told and stops none of the others.
"""

import asyncio
import difflib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from tollbar.app.catalogue import Offer
from tollbar.app.local import Stock, local_engines, shelf_of
from tollbar.app.stocked import stocked
from tollbar.app.upstreams import open_upstreams
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Call, Model, Target
from tollbar.domain.errors import (
    GatewayError,
    StreamBroken,
    UpstreamBusy,
    UpstreamError,
    UpstreamMisconfigured,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollbar.domain.local_models import LocalModel
from tollbar.gateway.resolve import find
from tollbar.ports.clock import Clock
from tollbar.ports.providers import Provider
from tollbar.providers.prices import Prices
from tollbar.providers.transport import Transport
from tollbar.settings import LOCAL, Settings
from tollbar.wire.dialect import Incoming
from tollbar.wire.openai_chat import DIALECT

AT_ONCE = 8
REQUEST_ID = "check"
# A few tokens are enough; newer models of OpenAI's refuse the one name for the bound, older servers know no other.
BODIES = tuple(
    b'{"model":"any","messages":[{"role":"user","content":"Say ok."}],"%s":16}' % name
    for name in (b"max_tokens", b"max_completion_tokens")
)
REMEDIES: Mapping[type[UpstreamError], str] = {
    UpstreamTimeout: "Is it up? A larger --timeout waits longer.",
    UpstreamBusy: "Try again later, or ask the provider for a higher rate.",
    UpstreamMisconfigured: "Check the provider's key.",
    StreamBroken: "Look at the provider's own log.",
}
USUAL_REMEDY = "Is the provider's base_url right, and does the server run?"


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one target of a model; `fault` and `remedy` are empty where it answered."""

    model: str
    target: str
    is_ok: bool
    milliseconds: int
    context_tokens: int | None = None
    fault: str = ""
    remedy: str = ""


async def reach(settings: Settings, seconds: float) -> list[Finding]:
    """A finding for each target of each configured model, and for each other provider; raises VendorFaults."""
    clock = SystemClock()
    async with Transport(clock, settings.egress.proxy, settings.egress.ca_file) as transport:
        _, base, providers = await open_upstreams(settings, transport, Prices(lambda: clock.now().date()), clock)
        async with local_engines(settings, clock) as engines:
            made = Stock(shelf_of(settings), engines.fleet, lambda models: _chatting(base, settings, models)).offer
            reached = Reach({LOCAL: engines.provider, **providers}, clock, seconds)
            return await reached.findings(configured_models(made), list(made.instances))


def _chatting(base: Offer, settings: Settings, models: Sequence[LocalModel]) -> Offer:
    """The offer with the pulled models that chat: the others cannot say anything."""
    return stocked(base, settings, [model for model in models if model.kind == "chat"])


def configured_models(made: Offer) -> list[Model]:
    """The models that were configured by name; a default that leads nowhere is left to `tollbar check`."""
    models = dict(made.catalogue.models)
    default = made.catalogue.default_model
    if default and default not in models and default not in made.catalogue.aliases:
        models[default] = find(default, made.catalogue)
    return list(models.values())


class Reach:
    """Calls targets, a few at a time."""

    def __init__(self, providers: Mapping[str, Provider], clock: Clock, seconds: float) -> None:
        self._providers = providers
        self._clock = clock
        self._seconds = seconds
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def findings(self, models: Sequence[Model], names: Sequence[str]) -> list[Finding]:
        """One for each target of each model, in their order, then one for each provider that has no target there."""
        targets = {target.name: target for model in models for target in model.targets}
        served = {target.provider for target in targets.values()}
        others = [name for name in names if name not in served]
        called, listed = await asyncio.gather(
            asyncio.gather(*(self._in_turn(target) for target in targets.values())),
            asyncio.gather(*(self._list_in_turn(name) for name in others)),
        )
        by_target = dict(zip(targets, called, strict=True))
        found = [
            Finding(model.name, target.name, not fault, milliseconds, target.context_tokens, fault, remedy)
            for model in models
            for target in model.targets
            for milliseconds, fault, remedy in [by_target[target.name]]
        ]
        return [*found, *listed]

    async def _in_turn(self, target: Target) -> tuple[int, str, str]:
        """Milliseconds, what failed, and the remedy."""
        async with self._turn:
            began = self._clock.monotonic()
            fault, remedy = await self._faults(self._call(target), target)
            return ceil((self._clock.monotonic() - began) * 1_000), fault, remedy

    async def _list_in_turn(self, name: str) -> Finding:
        async with self._turn:
            began = self._clock.monotonic()
            fault, remedy = await self._faults(self._providers[name].models(), None)
            milliseconds = ceil((self._clock.monotonic() - began) * 1_000)
            return Finding(f"any of {name}", f"{name}/*", not fault, milliseconds, None, fault, remedy)

    async def _faults(self, work: Awaitable[object], target: Target | None) -> tuple[str, str]:
        try:
            async with asyncio.timeout(self._seconds):
                await work
        except TimeoutError:
            return f"did not answer within {self._seconds:g} s", REMEDIES[UpstreamTimeout]
        except GatewayError as error:
            return error.message, error.hint or await self._remedy(error, target)
        return "", ""

    async def _call(self, target: Target) -> None:
        """Has the target answer, to the end."""
        for number, body in enumerate(BODIES, 1):
            request = DIALECT.decode(Incoming(body))
            deadline = self._clock.monotonic() + self._seconds
            call = Call(request, target, deadline, REQUEST_ID)
            try:
                async with self._providers[target.provider].open(call) as events:
                    async for _ in events:
                        pass
            except UpstreamRejected as fault:
                if "max_tokens" not in fault.message or number == len(BODIES):
                    raise
            else:
                return

    async def _remedy(self, error: GatewayError, target: Target | None) -> str:
        if target is not None and isinstance(error, UpstreamRejected):
            return await self._names_near(target)
        return REMEDIES.get(type(error), USUAL_REMEDY) if isinstance(error, UpstreamError) else ""

    async def _names_near(self, target: Target) -> str:
        """What the provider calls its models, for a name that it does not know."""
        try:
            async with asyncio.timeout(self._seconds):
                names = await self._providers[target.provider].models()
        except (TimeoutError, GatewayError):
            names = ()
        if not names or target.model in names:
            return "The model is there; the provider refuses the request itself." if names else USUAL_REMEDY
        near = difflib.get_close_matches(target.model, names, n=3, cutoff=0.4) or list(names[:3])
        return f"The provider does not list {target.model}; it lists {', '.join(near)}."
