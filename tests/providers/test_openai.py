"""The OpenAI wire as a provider: what goes out, what comes back, what is asked and what is hidden."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.providers.calls import SECRET, ask, call, joined, provider
from tests.upstream import FakeUpstream
from tests.upstream_scripts import Asked, Script, error, stream
from tollbar.clock import SystemClock
from tollbar.domain.errors import UpstreamFailed, UpstreamMisconfigured
from tollbar.domain.events import Frames
from tollbar.domain.usage import Usage
from tollbar.ports.providers import Provider
from tollbar.providers import connect
from tollbar.providers.openai import read_models
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, custom, load

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
    """The upstream as a provider without deviations."""
    return provider(up, transport)


async def sent(serving: Provider, up: FakeUpstream, **fields: Any) -> dict[str, Any]:
    """The body that the upstream got."""
    await ask(serving, call("ok", stream=True, **fields))
    return json.loads(up.journal[-1].body)


async def test_the_callers_bytes_go_out_with_the_model_replaced(fake: Provider, up: FakeUpstream) -> None:
    """Every value but the model's is what the caller wrote, and the key is the provider's."""
    asked = call("ok", temperature=1.50, tools=[], future={"field": [1e3]})
    await ask(fake, asked)
    expected = asked.request.source.raw.replace(b'"whatever"', b'"ok"')
    assert up.journal[0].body == expected
    assert up.journal[0].headers["authorization"] == f"Bearer {SECRET}"


async def test_usage_is_asked_for_and_kept_from_a_caller_who_did_not(fake: Provider, up: FakeUpstream) -> None:
    """A stream is metered, and its caller sees no frame that he did not ask for."""
    events = await ask(fake, call("ok", stream=True))
    assert up.journal[0].json["stream_options"] == {"include_usage": True}
    assert [event.usage for event in events if isinstance(event, Frames) and event.usage] == [Usage(10, 5)]
    assert b'"usage"' not in joined(events)


async def test_usage_that_the_caller_asked_for_is_not_hidden(fake: Provider, up: FakeUpstream) -> None:
    """The caller's own question goes out as it is, and the report comes back."""
    events = await ask(fake, call("ok", stream=True, stream_options={"include_usage": True, "x": 1}))
    assert up.journal[0].json["stream_options"] == {"include_usage": True, "x": 1}
    assert b'"usage":{"prompt_tokens":10' in joined(events)


async def test_nothing_is_asked_of_a_plain_answer(fake: Provider, up: FakeUpstream) -> None:
    """Documents report usage by themselves."""
    events = await ask(fake, call("ok"))
    assert "stream_options" not in up.journal[0].json
    assert [event.usage for event in events if isinstance(event, Frames)] == [Usage(10, 5)]


@pytest.mark.parametrize("name", ["cohere", "mistral", "databricks", "perplexity"])
async def test_vendors_that_refuse_the_question_are_not_asked(
    up: FakeUpstream, transport: Transport, name: str
) -> None:
    """A vendor marked so is sent no stream_options of ours."""
    assert "stream_options" not in await sent(provider(up, transport, VENDORS[name]), up)


async def test_quirks_are_applied_to_what_goes_out(up: FakeUpstream, transport: Transport) -> None:
    """Mistral is not sent what it answers 422 to, even when the caller wrote it."""
    mistral = provider(up, transport, VENDORS["mistral"])
    body = await sent(mistral, up, stream_options={"include_usage": True}, max_completion_tokens=7, temperature=0.5)
    assert {
        name: body.get(name) for name in ("stream_options", "max_completion_tokens", "max_tokens", "temperature")
    } == {
        "stream_options": None,
        "max_completion_tokens": None,
        "max_tokens": 7,
        "temperature": 0.5,
    }


async def test_a_key_header_of_its_own_is_used(up: FakeUpstream, transport: Transport) -> None:
    """Azure wants its key in a header of its own, and no other."""
    azure = connect(Instance("az", VENDORS["azure"], up.url, SECRET), transport, SystemClock())
    await ask(azure, call("ok"))
    assert up.journal[0].headers["api-key"] == SECRET
    assert "authorization" not in up.journal[0].headers


async def test_a_refused_key_is_told_to_the_operator_without_it(fake: Provider, up: FakeUpstream) -> None:
    """The message names the provider and where its key is set; the key, quoted by the provider, is cut out."""
    up.plan(error(401, f"Incorrect API key provided: {SECRET}."))
    with pytest.raises(UpstreamMisconfigured) as caught:
        await ask(fake, call("ok"))
    assert "fake" in caught.value.message
    assert "FAKE_API_KEY" in caught.value.hint
    assert SECRET not in caught.value.text


async def test_a_provider_that_leaves_the_stream_open_does_not_hold_it_up(fake: Provider, up: FakeUpstream) -> None:
    """After [DONE] nothing is waited for but a moment, and the connection is not used again."""
    whole = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    up.plan(
        Script(headers=(("content-type", "text/event-stream"),), pieces=(whole,), framing="chunked", ending="stall")
    )
    assert joined(await ask(fake, call("ok", stream=True))) == whole
    await up.until(lambda: up.open_connections == 0)


async def test_an_end_that_comes_a_little_late_is_waited_for(fake: Provider, up: FakeUpstream) -> None:
    """When the end of the body follows [DONE] by some milliseconds, the connection is kept for the next call."""
    late = replace(stream(Asked()), between_seconds=0.03)
    up.plan(replace(late, pieces=(b"".join(late.pieces), b"")))
    for _ in range(2):
        await ask(fake, call("ok", stream=True))
    assert up.connections == 1


async def test_a_connection_is_used_again_after_a_stream(fake: Provider, up: FakeUpstream) -> None:
    """A stream that was read to its end gives its connection back."""
    for _ in range(3):
        await ask(fake, call("ok", stream=True))
    assert up.connections == 1


async def test_models_are_listed(fake: Provider, up: FakeUpstream) -> None:
    """The names that the provider serves, asked with its key."""
    assert tuple(await fake.models()) == ("fake-1", "fake-2")
    assert (up.journal[0].method, up.journal[0].path) == ("GET", "/v1/models")
    assert up.journal[0].headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("status", [404, 405])
async def test_a_provider_without_a_list_has_no_models(fake: Provider, up: FakeUpstream, status: int) -> None:
    """Not every provider has the endpoint."""
    up.models = error(status)
    assert tuple(await fake.models()) == ()


async def test_a_list_that_is_none_is_a_failure(fake: Provider, up: FakeUpstream) -> None:
    """Something else at the same address is not taken for a list."""
    up.models = Script(pieces=(b"hello",))
    with pytest.raises(UpstreamFailed):
        await fake.models()


async def test_a_refused_list_is_an_error(fake: Provider, up: FakeUpstream) -> None:
    """A wrong key shows here as well."""
    up.models = error(401)
    with pytest.raises(UpstreamMisconfigured):
        await fake.models()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b'{"object":"list","data":[{"id":"a"},{"id":"b"}]}', ("a", "b")),
        (b'{"data":[{"id":"a"},{"id":5},{},"x",{"name":"c"}]}', ("a", "c")),
        (b'[{"id":"a"}]', ("a",)),
        (b'{"models":[{"name":"a"}]}', ("a",)),
        (b'{"data":null}', ()),
        (b"{}", ()),
        (b'{"data":"x"}', None),
        (b'"x"', None),
        (b"<html>", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_lists_of_models_are_read_in_all_their_shapes(document: bytes, expected: tuple[str, ...] | None) -> None:
    """OpenAI's shape, and those near to it; entries without a name are passed over."""
    assert read_models(document) == expected


async def test_a_wire_that_is_not_served_says_so(transport: Transport) -> None:
    """No provider is made that could not answer."""
    vendor = replace(custom("lab", "openai"), wire="smoke")
    with pytest.raises(ValueError, match="its wire is not served"):
        connect(Instance("lab", vendor, "https://api.example.org"), transport, SystemClock())
