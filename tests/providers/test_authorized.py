"""A provider whose key is a token sends the token of now."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.providers.calls import ask, call, gemini_call, joined, provider, speaking_gemini
from tests.upstream import FakeUpstream
from tests.upstream_gemini import COUNTED
from tollbar.clock import SystemClock
from tollbar.domain.errors import UpstreamFailed, UpstreamMisconfigured
from tollbar.providers.authorized import Authorized
from tollbar.providers.transport import Transport

pytestmark = pytest.mark.anyio


@dataclass
class Purse:
    """Gives a token, or none."""

    token: str = "one"

    async def current(self) -> str:
        """The token."""
        if not self.token:
            raise UpstreamMisconfigured("There is no token.")
        return self.token


@dataclass(frozen=True)
class Bench:
    """What stands behind."""

    up: FakeUpstream
    transport: Transport


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A server and a pool."""
    async with FakeUpstream() as up, Transport(SystemClock()) as transport:
        yield Bench(up, transport)


async def test_a_provider_is_made_for_each_token(bench: Bench) -> None:
    """Once, and anew when the token is another one."""
    purse, made = Purse(), []

    def make(token: str) -> object:
        made.append(token)
        return provider(bench.up, bench.transport)

    serving = Authorized(purse, make)  # type: ignore[arg-type]
    assert b"word4" in joined(await ask(serving, call("ok", stream=True)))
    assert list(await serving.models()) == ["fake-1", "fake-2"]
    purse.token = "two"
    await ask(serving, call("ok"))
    assert made == ["", "one", "two"]
    assert serving.counts_for("openai") is False
    with pytest.raises(UpstreamFailed, match="count"):
        await serving.count(call("ok"))


async def test_without_a_token_nothing_is_called(bench: Bench) -> None:
    """The call fails as it does without a provider."""
    serving = Authorized(Purse(""), lambda _: provider(bench.up, bench.transport))
    with pytest.raises(UpstreamMisconfigured):
        await ask(serving, call("ok"))
    assert not bench.up.journal


async def test_what_can_count_counts(bench: Bench) -> None:
    """With a token as well."""
    serving = Authorized(Purse(), lambda _: speaking_gemini(bench.up, bench.transport))
    assert serving.counts_for("gemini") is True
    assert await serving.count(gemini_call(call("ok"))) == COUNTED


async def test_leaving_early_hangs_up(bench: Bench) -> None:
    """The connection behind it is closed."""
    serving = Authorized(Purse(), lambda _: provider(bench.up, bench.transport))
    async with serving.open(call("paced:200", stream=True)) as events:
        await anext(events)
    await bench.up.until(lambda: bench.up.journal[0].closed_early_at is not None, seconds=2.0)
