"""The models of this machine as a provider: a turn in the model's queue, its engine, and then OpenAI's wire.

The engine speaks that wire itself, so an answer is relayed and metered as any provider's is, and what a caller asks of
the model reaches the engine as it was asked. Leaving the block closes the connection, which ends the work at once.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType

from tollbar.domain.catalogue import Call
from tollbar.domain.errors import InvalidValue, RequestError, UpstreamTimeout
from tollbar.domain.events import StreamEvent
from tollbar.domain.local_models import LocalModel
from tollbar.domain.place import Place
from tollbar.ports.clock import Clock
from tollbar.ports.providers import Provider
from tollbar.providers.local.affinity import Affinity, Beginning, beginnings
from tollbar.providers.local.fleet import Fleet
from tollbar.providers.local.queue import Turn
from tollbar.providers.local.terms import Terms

NAME = "local"


class LocalProvider:
    """`ports.Provider` over the engines of this process."""

    def __init__(self, fleet: Fleet, terms: Terms, clock: Clock) -> None:
        self._fleet = fleet
        self._terms = terms
        self._clock = clock
        self._affinity = Affinity(slack=terms.parallel)

    def open(self, call: Call) -> "Served":
        """The answer of a model; entering waits for a turn and, if it must, for the model to be loaded.

        Raises UpstreamFull when too many wait, EngineUnavailable when the model cannot run, InvalidValue for what no
        such model does, and as any provider does.
        """
        return Served(self, call)

    async def models(self) -> Sequence[str]:
        """The names on the shelf."""
        return tuple(self._fleet.models)

    async def begin(self, call: Call, place: Place) -> tuple[Turn, Provider]:
        """A turn for a call, and who serves it; the turn is to be ended."""
        runner = self._fleet.find(call.target.model, self._replica(call))
        _check_kind(runner.model, call)
        if call.request.choices > 1:  # the engine would count the tokens of one of them alone
            told = "A model of this machine gives one answer to a call: leave `n` out, and call again for another."
            raise InvalidValue(told, field="n")
        weight = self._terms.weights.get(call.tier, 1.0)
        try:
            async with asyncio.timeout(call.deadline - self._clock.monotonic()):
                turn = await runner.queue.take(call.caller, weight, place)
                try:
                    return turn, await self._fleet.ready(runner)
                except BaseException:
                    turn.end()
                    raise
        except TimeoutError:
            raise UpstreamTimeout(
                f"The call waited for {runner.model.name} until its time was over.",
                hint=f"'timeouts.{call.bound}_seconds' says how long a call may take.",
            ) from None

    def _replica(self, call: Call) -> int:
        """The number of the engine for a call, where a model has several."""
        if self._terms.replicas == 1:
            return 0
        request, model, found = call.request, call.target.model, list[Beginning]()
        with suppress(RequestError):  # what cannot be read here, the engine may read all the same
            found = [] if request.errand is not None else beginnings(model, request.source.expand().messages)
        return self._affinity.choose(found, self._fleet.loads(model))


def _check_kind(model: LocalModel, call: Call) -> None:
    """Raises InvalidValue when what is asked for is nothing that such a model does."""
    errand = call.request.errand
    is_for_vectors = errand is not None and errand.embedding is not None
    if model.kind == "embedding" and not is_for_vectors:
        raise InvalidValue(f"{model.name} makes vectors of texts, and nothing else.", field="model")
    if model.kind == "chat" and errand is not None:
        raise InvalidValue(f"{model.name} chats, and does nothing else.", field="model")


class Served:
    """One call under way: the context, with the call's place in the queue."""

    __slots__ = ("_call", "_exchange", "_provider", "_turn", "place")

    def __init__(self, provider: LocalProvider, call: Call) -> None:
        self._provider = provider
        self._call = call
        self.place = Place()

    async def __aenter__(self) -> AsyncIterator[StreamEvent]:
        self._turn, provider = await self._provider.begin(self._call, self.place)
        try:
            self._exchange: AbstractAsyncContextManager[AsyncIterator[StreamEvent]] = provider.open(self._call)
            return await self._exchange.__aenter__()
        except BaseException:
            self._turn.end()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._exchange.__aexit__(kind, error, trace)
        finally:
            self._turn.end()
