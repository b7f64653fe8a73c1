"""Google's wire as a provider: what goes out, where to, and what comes back."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.providers.calls import SECRET, ask, call, gemini_call, joined, speaking_gemini
from tests.upstream import FakeUpstream
from tests.upstream_gemini import COUNTED
from tests.upstream_scripts import Script
from tollbar.clock import SystemClock
from tollbar.domain.errors import InvalidValue, UpstreamFailed, UpstreamMisconfigured
from tollbar.domain.events import Dropped, Frames
from tollbar.domain.usage import Usage
from tollbar.ports.providers import Provider, TokenCounter
from tollbar.providers import connect
from tollbar.providers.gemini import MOST_REMEMBERED, GeminiProvider, read_models
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, load
from tollbar.wire import embeddings
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.gemini import embedding
from tollbar.wire.gemini.request import ARRAY_WIRE

pytestmark = pytest.mark.anyio


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
    instance = Instance("fake", load()["gemini"], up.google_url, SECRET, "GEMINI_API_KEY")
    return GeminiProvider(instance, transport, SystemClock())


@pytest.mark.parametrize(("stream", "method"), [(False, "generateContent"), (True, "streamGenerateContent?alt=sse")])
async def test_the_callers_bytes_go_to_the_models_own_address(
    fake: Provider, up: FakeUpstream, stream: bool, method: str
) -> None:
    """With Google's header for the key, and nothing changed."""
    asked = gemini_call(call("ok", stream))
    events = await ask(fake, asked)
    (entry,) = up.journal
    assert (entry.body, entry.path) == (asked.request.source.raw, f"/v1beta/models/ok:{method}")
    assert entry.headers["x-goog-api-key"] == SECRET
    assert "authorization" not in entry.headers
    assert [event.usage for event in events if isinstance(event, Frames) and event.usage] == [Usage(10, 5)]


async def test_an_array_holds_the_same_objects(fake: Provider) -> None:
    """For callers who do not ask for events."""
    events = joined(await ask(fake, gemini_call(call("ok", True))))
    array = json.loads(joined(await ask(fake, gemini_call(call("ok", True), ARRAY_WIRE))))
    assert array == [json.loads(frame[6:]) for frame in events.split(b"\n\n") if frame]


async def test_another_dialect_is_written_anew_and_told_what_it_lost(fake: Provider, up: FakeUpstream) -> None:
    """A knob that Google does not have, by its name."""
    first, *_ = await ask(fake, call("ok", user="ana"))
    assert first == Dropped(("user",))
    assert up.journal[0].json == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


@pytest.mark.parametrize("model", ["../../secrets", "a b", "a?x=1", "a#b", "", "/a", "a//b", "a/../b", "é", "a%2fb"])
async def test_a_model_cannot_lead_elsewhere(fake: Provider, up: FakeUpstream, model: str) -> None:
    """Names come from callers; addresses from the configuration alone."""
    with pytest.raises(InvalidValue, match="model"):
        fake.open(gemini_call(call(model)))
    assert not up.journal


@pytest.mark.parametrize("model", ["tunedModels/a", "publishers/google/models/x", "gemini-3.1-pro@001"])
async def test_models_of_other_collections_keep_their_place(fake: Provider, up: FakeUpstream, model: str) -> None:
    """They are not looked for among the usual ones."""
    up.plan(Script(pieces=(b'{"candidates": [{"finishReason": "STOP"}]}',)))
    if "/" not in model:
        await ask(fake, gemini_call(call(model)))
    else:
        with pytest.raises(Exception, match="Unknown request URL"):
            await ask(fake, gemini_call(call(model)))
    place = model if "/" in model else f"models/{model}"
    assert up.journal[0].path == f"/v1beta/{place}:generateContent"


async def test_not_every_name_is_remembered(fake: Provider) -> None:
    """Else callers could fill the memory with names."""
    for number in range(2 * MOST_REMEMBERED):
        fake.open(gemini_call(call(f"m{number}")))
    assert isinstance(fake, GeminiProvider)
    assert len(fake._doors) <= MOST_REMEMBERED


async def test_a_key_that_google_does_not_know(fake: Provider, up: FakeUpstream) -> None:
    """It says so with status 400, which is the operator's affair."""
    body = {"error": {"code": 400, "message": "API key not valid. Please pass one.", "status": "INVALID_ARGUMENT"}}
    up.plan(Script(status=400, pieces=(json.dumps(body).encode(),)))
    with pytest.raises(UpstreamMisconfigured, match="credentials"):
        await ask(fake, gemini_call(call("ok")))


async def test_tokens_are_counted_by_the_provider(fake: Provider, up: FakeUpstream) -> None:
    """At its own address; anything but a count is a failure."""
    assert isinstance(fake, TokenCounter)
    assert (fake.counts_for("gemini"), fake.counts_for("openai")) == (True, False)
    assert await fake.count(gemini_call(call("ok"))) == COUNTED
    assert up.journal[0].path == "/v1beta/models/ok:countTokens"


async def test_the_models_are_listed_without_what_they_are_in(up: FakeUpstream, transport: Transport) -> None:
    """A server without a list has none."""
    provider = speaking_gemini(up, transport)
    assert list(await provider.models()) == ["fake-1", "fake-2"]
    up.models = Script(status=404)
    assert list(await provider.models()) == []
    up.models = Script(pieces=(b"[]",))
    with pytest.raises(UpstreamFailed, match="list of models"):
        await provider.models()


def test_lists_of_models() -> None:
    """In either of Google's shapes; names that are none are passed over."""
    assert read_models(b'{"models": [{"name": "models/a"}, {"name": 5}, 5, {"name": "../b"}]}') == ("a",)
    assert read_models(b'{"publisherModels": [{"name": "publishers/google/models/a"}]}') == (
        "publishers/google/models/a",
    )
    assert read_models(b"{}") == ()
    assert [read_models(raw) for raw in (b"", b"[]", b'{"models": 5}')] == [None, None, None]


def test_rows_of_google() -> None:
    """The native wire is the usual one; Google's translation and Vertex AI have rows of their own."""
    rows = load()
    told = {name: (rows[name].wire, rows[name].auth) for name in rows if "oogleapis" in rows[name].base_url}
    assert told == {
        "gemini": ("gemini", "x-goog-api-key"),
        "gemini-openai": ("openai", "bearer"),
        "vertex": ("openai", "google_oauth"),
        "vertex-gemini": ("gemini", "google_oauth"),
    }
    assert rows["gemini"].families == ("gemini-",)
    assert replace(rows["gemini"]).price_id == "google"


@pytest.mark.parametrize("dialect", [embeddings.OPENAI, embedding.ONE])
async def test_vertex_has_an_address_of_its_own_for_vectors(
    up: FakeUpstream, transport: Transport, dialect: Dialect
) -> None:
    """Whoever asks for them, Google's own clients included."""
    vendor = replace(load()["vertex-gemini"], auth="bearer")
    vertex = connect(Instance("v", vendor, up.google_url, SECRET), transport, SystemClock())
    body = (
        {"model": "m", "input": "four"} if dialect is embeddings.OPENAI else {"content": {"parts": [{"text": "four"}]}}
    )
    asked = call("text-embedding-005")
    request = dialect.decode(Incoming(json.dumps(body).encode(), name="m"))
    (told,) = await ask(vertex, asked._replace(request=request))
    assert isinstance(told, Frames)
    assert b"[4.0,0.5]" in told.raw.replace(b" ", b"")
    assert told.usage == Usage(3)
    assert up.journal[-1].path == "/v1beta/models/text-embedding-005:predict"
    assert up.journal[-1].json["instances"] == [{"content": "four"}]
