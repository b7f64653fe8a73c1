"""Anthropic's wire as a provider: what goes out, what comes back, and what is counted."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.providers.calls import SECRET, anthropic, anthropic_call, ask, call, joined
from tests.upstream import FakeUpstream
from tests.upstream_anthropic import COUNTED
from tests.upstream_scripts import Script, error
from tollbar.clock import SystemClock
from tollbar.domain.errors import UpstreamFailed, UpstreamMisconfigured, UpstreamRejected
from tollbar.domain.events import Dropped, Frames
from tollbar.ports.providers import Provider, TokenCounter
from tollbar.providers import connect
from tollbar.providers.anthropic import MOST_VARIANTS, AnthropicProvider
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import configure, load

pytestmark = pytest.mark.anyio

VENDORS = load()


@pytest.fixture
async def up() -> AsyncIterator[FakeUpstream]:
    """A provider that misbehaves on request."""
    async with FakeUpstream() as server:
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """A pool of its own."""
    async with Transport(SystemClock()) as pool:
        yield pool


@pytest.fixture
def fake(up: FakeUpstream, transport: Transport) -> Provider:
    """The upstream as a provider."""
    return anthropic(up, transport)


async def test_the_callers_bytes_and_headers_go_out(fake: Provider, up: FakeUpstream) -> None:
    """The model is replaced, the key is the provider's, and the version is said whether or not the caller did."""
    asked = anthropic_call(call("ok", True, new={"field": [1e3]}), (b"anthropic-beta", b"a,b"), (b"x-secret", b"s"))
    events = await ask(fake, asked)
    assert up.journal[0].body == asked.request.source.raw.replace(b'"whatever"', b'"ok"')
    headers = up.journal[0].headers
    told = [headers.get(name) for name in ("anthropic-beta", "anthropic-version", "authorization", "x-secret")]
    assert told == ["a,b", "2023-06-01", f"Bearer {SECRET}", None]
    assert up.journal[0].path == "/v1/messages"
    assert b"event: ping" in joined(events)
    newer = anthropic_call(call("ok"), (b"anthropic-version", b"2027-01-01"))
    await ask(fake, newer)
    assert up.journal[1].headers["anthropic-version"] == "2027-01-01"
    assert "anthropic-beta" not in up.journal[1].headers


async def test_callers_of_other_dialects_get_no_headers_of_callers(fake: Provider, up: FakeUpstream) -> None:
    """Their request is written anew, and what it lost is told."""
    events = await ask(fake, call("ok", seed=7))
    assert events[0] == Dropped(("seed",))
    body = up.journal[0].json
    assert (body["messages"], body["max_tokens"]) == (
        [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        8_192,
    )


async def test_anthropic_itself_has_its_own_header(up: FakeUpstream, transport: Transport) -> None:
    """And its address has no version in it, which is added."""
    root = up.url.removesuffix("/v1")
    instance = configure("claude", VENDORS["anthropic"], {"ANTHROPIC_API_KEY": SECRET}, base_url=root)
    serving = connect(instance, transport, SystemClock())
    await ask(serving, anthropic_call(call("ok")))
    headers = up.journal[0].headers
    assert (headers["x-api-key"], headers.get("authorization"), up.journal[0].path) == (SECRET, None, "/v1/messages")


async def test_heads_are_kept_within_bounds(fake: Provider, up: FakeUpstream) -> None:
    """Callers may send whatever betas they like."""
    assert isinstance(fake, AnthropicProvider)
    for number in range(MOST_VARIANTS + 2):
        await ask(fake, anthropic_call(call("ok"), (b"anthropic-beta", b"b%d" % number)))
    assert len(fake._variants) <= MOST_VARIANTS
    assert up.journal[-1].headers["anthropic-beta"] == f"b{MOST_VARIANTS + 1}"


async def test_it_counts_for_its_own_dialect(fake: Provider, up: FakeUpstream) -> None:
    """By asking, with the caller's own bytes."""
    assert isinstance(fake, TokenCounter)
    assert (fake.counts_for("anthropic"), fake.counts_for("openai")) == (True, False)
    assert await fake.count(anthropic_call(call("ok"))) == COUNTED
    assert (up.journal[0].path, up.journal[0].model) == ("/v1/messages/count_tokens", "ok")


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (error(404, "No such door."), UpstreamFailed),
        (Script(pieces=(b'{"tokens": 1}',)), UpstreamFailed),
        (Script(pieces=(b"nonsense",)), UpstreamFailed),
        (error(400, "No."), UpstreamRejected),
    ],
)
async def test_a_server_that_does_not_count_has_failed(
    fake: Provider, up: FakeUpstream, script: Script, kind: type[Exception]
) -> None:
    """Only a request that is at fault is the caller's affair."""
    up.counting = script
    assert isinstance(fake, TokenCounter)
    with pytest.raises(kind):
        await fake.count(anthropic_call(call("ok")))


async def test_an_account_without_money_is_the_operators_affair(fake: Provider, up: FakeUpstream) -> None:
    """Anthropic says so with a 400 and in words."""
    words = "Your credit balance is too low to access the Anthropic API."
    up.plan(error(400, words))
    with pytest.raises(UpstreamMisconfigured):
        await ask(fake, anthropic_call(call("ok")))


async def test_models_are_asked_for_in_one_page(fake: Provider, up: FakeUpstream) -> None:
    """A server without a list has none; one that answers nonsense has failed."""
    assert list(await fake.models()) == ["fake-1", "fake-2"]
    assert up.journal[0].path == "/v1/models?limit=1000"
    up.models = error(404)
    assert list(await fake.models()) == []
    for script, kind in ((error(400), UpstreamRejected), (Script(pieces=(b"5",)), UpstreamFailed)):
        up.models = script
        with pytest.raises(kind):
            await fake.models()


async def test_a_relayed_answer_is_byte_for_byte_the_providers(fake: Provider, up: FakeUpstream) -> None:
    """With fields and events that do not exist yet."""
    for stream in (True, False):
        events: list[Any] = await ask(fake, anthropic_call(call("unknown", stream)))
        assert all(isinstance(event, Frames) for event in events)
        assert b"horoscope" in joined(events)
        assert events[-1].is_last
        usage = [event.usage for event in events if event.usage]
        assert usage[-1].completion_tokens == 1
    assert json.loads(joined(events))["horoscope"] == "Leo"
