"""Bedrock's wire as a provider: where requests go, how they are signed, and what it lists."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import pytest

from tests.providers.calls import SECRET, ask, call, joined
from tests.upstream import Entry, FakeUpstream
from tests.upstream_scripts import Script
from tollbar.clock import SystemClock
from tollbar.domain.errors import InvalidValue, UpstreamFailed, UpstreamMisconfigured
from tollbar.domain.events import Dropped, Finished, FinishReason
from tollbar.ports.providers import Provider
from tollbar.providers import connect
from tollbar.providers.aws import AccessKey, Signer
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, custom
from tollbar.wire import embeddings, forwarded
from tollbar.wire.dialect import Incoming

pytestmark = pytest.mark.anyio
KEY = AccessKey("AKIDEXAMPLE", SECRET, "session-token")
ARN = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123"
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


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


def bedrock(up: FakeUpstream, transport: Transport, key: str = KEY.written) -> Provider:
    """The upstream as Bedrock."""
    instance = Instance("fake", custom("fake", "bedrock"), up.root, key, "FAKE_API_KEY", region="us-east-1")
    return connect(instance, transport, SystemClock())


def is_signed(entry: Entry, up: FakeUpstream) -> bool:
    """Whether what arrived is what was signed: the signature of just this, made anew."""
    headers: Mapping[str, str] = entry.headers
    moment = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    signed = {"Content-Type": headers["content-type"]}
    made = Signer(KEY, "us-east-1", "bedrock").headers(entry.method, up.root + entry.path, entry.body, moment, signed)
    assert headers["x-amz-security-token"] == KEY.token
    return made["Authorization"] == headers["authorization"] and KEY.secret not in str(headers)


@pytest.mark.parametrize(("stream", "method"), [(True, "converse-stream"), (False, "converse")])
@pytest.mark.parametrize(
    ("model", "path"), [(CLAUDE, f"/model/{CLAUDE}"), (ARN, f"/model/{ARN.replace('/', '%2F')}"), ("ok", "/model/ok")]
)
async def test_requests_are_signed_as_they_arrive(
    up: FakeUpstream, transport: Transport, model: str, path: str, stream: bool, method: str
) -> None:
    """At the model's own address, whose name is escaped where it must be; a large body goes in pieces."""
    serving = bedrock(up, transport)
    for text in ("Hi", "x" * 100_000):
        said = await ask(serving, call(model, stream, messages=[{"role": "user", "content": text}]))
        assert Finished(FinishReason.STOP) in said
        entry = up.journal[-1]
        assert entry.path == f"{path}/{method}"
        assert entry.json["messages"] == [{"role": "user", "content": [{"text": text}]}]
        assert is_signed(entry, up)


async def test_a_key_of_bedrocks_own_is_sent(up: FakeUpstream, transport: Transport) -> None:
    """As it is, and nothing is signed."""
    await ask(bedrock(up, transport, "ABSKexample"), call("ok"))
    headers = up.journal[0].headers
    assert (headers["authorization"], "x-amz-date" in headers) == ("Bearer ABSKexample", False)
    assert headers["accept"] == "application/json, application/vnd.amazon.eventstream"


async def test_callers_are_told_what_was_lost(up: FakeUpstream, transport: Transport) -> None:
    """Before all else."""
    assert (await ask(bedrock(up, transport), call("ok", seed=4)))[0] == Dropped(("seed",))


@pytest.mark.parametrize("model", ["../../x", "a..b", "", "a b", "/x", "x" * 2_049, "a?b", "a%2e"])
async def test_a_name_that_would_lead_elsewhere_is_refused(up: FakeUpstream, transport: Transport, model: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidValue, match="name of a model"):
        await ask(bedrock(up, transport), call(model))
    assert not up.journal


async def test_what_cannot_be_carried_is_refused(up: FakeUpstream, transport: Transport) -> None:
    """With the name of its field."""
    body = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}]
    with pytest.raises(InvalidValue) as fault:
        await ask(bedrock(up, transport), call("ok", messages=body))
    assert fault.value.field == "messages[0].content"


async def test_models_and_profiles_are_listed(up: FakeUpstream, transport: Transport) -> None:
    """Those that can be called as they are, and what leads to the others; by requests that are signed too."""
    assert await bedrock(up, transport).models() == ("fake-1", "fake-2")
    assert [entry.path for entry in up.journal] == ["/foundation-models", "/inference-profiles?maxResults=1000"]
    assert all(is_signed(entry, up) for entry in up.journal)
    listed = {
        "modelSummaries": [{"modelId": "a", "inferenceTypesSupported": 5}, {"modelId": 5}, 5],
        "inferenceProfileSummaries": [{"inferenceProfileId": "us.b"}],
    }
    up.models = Script(pieces=(json.dumps(listed).encode(),))
    assert await bedrock(up, transport).models() == ("a", "us.b")


async def test_a_server_without_lists_lists_nothing(up: FakeUpstream, transport: Transport) -> None:
    """Such as a proxy that knows calls alone; something that is no list is a failure."""
    up.models = Script(404, pieces=(b"{}",))
    assert await bedrock(up, transport).models() == ()
    for raw in (b"[]", b"{", b'{"modelSummaries": 5}'):
        up.models = Script(pieces=(raw,))
        with pytest.raises(UpstreamFailed, match="no list"):
            await bedrock(up, transport).models()


async def test_a_refusal_tells_no_secret(up: FakeUpstream, transport: Transport) -> None:
    """Amazon quotes what it would have signed, with the session's token in it."""
    said = {"message": f"The Canonical String should have been 'POST x-amz-security-token:{KEY.token}'"}
    kind = (("x-amzn-errortype", "InvalidSignatureException:http://x/"), ("x-amzn-requestid", "r-1"))
    up.plan(Script(403, (("content-type", "application/json"), *kind), (json.dumps(said).encode(),)))
    with pytest.raises(UpstreamMisconfigured, match="Canonical") as fault:
        await ask(bedrock(up, transport), call("ok"))
    assert KEY.token not in fault.value.message
    assert fault.value.details["type"] == "InvalidSignatureException"
    assert fault.value.details["request_id"] == "r-1"


async def test_vectors_are_asked_of_the_model_itself(up: FakeUpstream, transport: Transport) -> None:
    """By a signed request; what else is no completion is refused."""
    serving, asked = bedrock(up, transport), call("amazon.titan-embed-text-v2:0")
    request = embeddings.OPENAI.decode(Incoming(b'{"model": "x", "input": "a gate"}'))
    said = joined(await ask(serving, asked._replace(request=request)))
    assert json.loads(said)["data"][0]["embedding"] == [0.5, -0.25]
    entry = up.journal[0]
    assert (entry.path, entry.json) == ("/model/amazon.titan-embed-text-v2:0/invoke", {"inputText": "a gate"})
    assert is_signed(entry, up)
    images = forwarded.dialect("/images/generations").decode(Incoming(b'{"model": "x", "prompt": "a gate"}'))
    with pytest.raises(InvalidValue, match="images"):
        await ask(serving, asked._replace(request=images))


async def test_words_come_through(up: FakeUpstream, transport: Transport) -> None:
    """All of them, from the binary stream."""
    assert joined(await ask(bedrock(up, transport), call("chunks:3", True))) == b"word0 word1 word2 "
