"""Counting a request's tokens: by its provider where that can, else as calls are estimated; free either way."""

from collections.abc import Sequence

import pytest

from tests.fakes import FakeProvider, says
from tests.making import PRINCIPAL, TARGET, a_request, a_scene, an_answer, an_arrival
from tollbar.domain.catalogue import Call
from tollbar.domain.errors import UnknownModel, UpstreamError, UpstreamFailed, UpstreamRejected
from tollbar.gateway.counting import Counted, CountedBy, count
from tollbar.gateway.estimate import prompt_bytes, tokens_of

pytestmark = pytest.mark.anyio


class CountingProvider(FakeProvider):
    """One that can count requests of OpenAI's dialect."""

    def __init__(self, *answers: int | UpstreamError) -> None:
        super().__init__(says(*an_answer()))
        self.counted: list[Call] = []
        self._answers = list(answers)

    def counts_for(self, wire: str) -> bool:
        """Whether it is that dialect."""
        return wire == "openai"

    async def count(self, call: Call) -> int:
        """The next answer."""
        self.counted.append(call)
        answer = self._answers.pop(0)
        if isinstance(answer, UpstreamError):
            raise answer
        return answer


async def counted(*providers: FakeProvider, wire: str = "openai", model: str = "smart") -> Counted:
    """What is counted of a request; the ledger stays as it was."""
    scene = a_scene(*providers)
    request = a_request(model)
    request = request._replace(source=request.source._replace(wire=wire))
    async with scene.gateway.enter(PRINCIPAL, an_arrival()) as visit:
        found = await count(scene.gateway, visit, request)
    (record,) = scene.records
    assert (record.credits, record.usage, record.attempts, record.model) == (0, None, (), model)
    return found


ESTIMATE = Counted(tokens_of(prompt_bytes(a_request())), CountedBy.ESTIMATE)


async def test_a_provider_that_can_is_asked() -> None:
    """With the call as it would be made."""
    provider = CountingProvider(17)
    assert await counted(provider) == Counted(17, CountedBy.PROVIDER)
    assert [call.target for call in provider.counted] == [TARGET]
    assert provider.calls == []


@pytest.mark.parametrize(
    ("providers", "wire"),
    [
        ((), "openai"),
        ((CountingProvider(17),), "another"),
        ((CountingProvider(UpstreamFailed("It is away.")),), "openai"),
    ],
)
async def test_any_other_request_is_estimated(providers: Sequence[FakeProvider], wire: str) -> None:
    """By its length, as for admission."""
    assert await counted(*providers, wire=wire) == ESTIMATE


async def test_a_request_that_is_at_fault_is_refused() -> None:
    """Its provider has read it, and the caller can mend it."""
    with pytest.raises(UpstreamRejected):
        await counted(CountingProvider(UpstreamRejected("No.")))


async def test_the_model_must_be_there() -> None:
    """It is resolved as for a call."""
    with pytest.raises(UnknownModel):
        await counted(model="nothing-like-it")
