"""Counting a request's tokens: by its provider where that can, else here, else as calls are estimated; free always."""

from collections.abc import Sequence

import pytest

from tests.fakes import FakeProvider, says
from tests.making import PRINCIPAL, TARGET, a_request, a_scene, an_answer, an_arrival
from tollbar.domain.catalogue import Call, Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import UnknownModel, UpstreamError, UpstreamFailed, UpstreamRejected
from tollbar.domain.usage import Tally
from tollbar.gateway.counting import Counted, CountedBy, count
from tollbar.gateway.estimate import TOKENS_PER_LINKED_IMAGE, prompt_bytes, tokens_of

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


class FixedTokenizer:
    """`ports.Tokenizer` that knows one model."""

    def __init__(self, found: Tally | None) -> None:
        self.found = found

    async def tally(self, request: CompletionRequest, target: Target) -> Tally | None:
        """What it was made with."""
        assert target == TARGET
        return self.found


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Tally(17), Counted(17, CountedBy.TOKENIZER)),
        (Tally(17, 2), Counted(17 + 2 * TOKENS_PER_LINKED_IMAGE, CountedBy.ESTIMATE)),
        (None, ESTIMATE),
    ],
)
async def test_a_model_whose_vocabulary_is_here_is_counted_here(found: Tally | None, told: Counted) -> None:
    """Where its provider does not count, or is away; pictures are estimated beside the words."""
    for provider in (FakeProvider(says(*an_answer())), CountingProvider(UpstreamFailed("It is away."))):
        scene = a_scene(provider)
        scene.gateway.tokenizer = FixedTokenizer(found)
        async with scene.gateway.enter(PRINCIPAL, an_arrival()) as visit:
            assert await count(scene.gateway, visit, a_request()) == told
