"""Calls go to their endpoints, everything else to the control plane, and all of it has one face."""

from dataclasses import replace

import pytest

from tests.edge.stage import CALL_KEY, a_stage, bearer
from tests.fakes import FakeProvider, says
from tests.making import TARGET, a_body
from tollbar.domain.catalogue import Model
from tollbar.domain.events import Finished, FinishReason, Frames, Text
from tollbar.edge.application import application, control_plane
from tollbar.edge.line import Message
from tollbar.edge.middleware import Scope
from tollbar.edge.routes import CALLS, PAGES, CallRules
from tollbar.gateway.visit import Pace
from tollbar.wire.simple import SimpleRules

pytestmark = pytest.mark.anyio

KEY = bearer(CALL_KEY)
TELEMETRY = ("x-process-time", "x-memory-used", "x-memory-delta")


async def test_a_call_is_served_on_each_of_its_addresses() -> None:
    """With and without `/v1`, the same answer."""
    stage = await a_stage(FakeProvider(says(Frames(b"{}", True, 1, is_last=True))))
    for row in CALLS:
        if row.is_simple or row.quotes or row.dialect.encode_count is not None:
            continue
        path = row.path.replace("{model:path}", "smart")
        body = a_body(stream=None, max_tokens=9, input="x", prompt="x")
        answer = await stage.ask(
            "POST", path, KEY, body=b'{"contents": [], "content": {}, "requests": []}' if "{" in row.path else body
        )
        assert (answer.status, answer.body) == (200, b"{}")


async def test_a_call_does_not_pass_the_control_plane() -> None:
    """Its endpoint answers directly; the control plane knows no such route."""
    stage = await a_stage()
    paths = {str(getattr(route, "path", "")) for route in control_plane(stage.services).routes}
    assert paths == {page.path for page in PAGES}


async def test_the_body_limit_of_calls_is_the_one_that_was_set() -> None:
    """It does not touch the control plane."""
    stage = await a_stage()
    small = application(stage.services, CallRules(max_body_bytes=10))
    stage.application = small
    answer = await stage.ask("POST", "/v1/chat/completions", KEY, (b"content-length", b"11"), body=b"x" * 11)
    assert answer.status == 413
    assert (await stage.admin("POST", "/admin/api/keys", {"name": "a longer body"})).status == 201


async def test_every_page_answers_head_as_it_answers_get() -> None:
    """The same status and headers; the server leaves the body out."""
    stage = await a_stage()
    for page in (page for page in PAGES if "HEAD" in page.methods and "{" not in page.path and page.path != "/metrics"):
        get, head = [await stage.ask(method, page.path, KEY) for method in ("GET", "HEAD")]
        unlike = {"x-request-id", "content-security-policy", "content-length", *TELEMETRY}
        assert head.status == get.status
        assert [one for one in head.headers if one[0].decode() not in unlike] == [
            one for one in get.headers if one[0].decode() not in unlike
        ]


async def test_it_starts_and_stops_by_the_lifespan_protocol() -> None:
    """What the composition root hands in is entered at the start and left at the stop."""
    stage = await a_stage()
    told: list[Message] = []
    said: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Message:
        return said.pop(0)

    async def send(message: Message) -> None:
        told.append(message)

    await application(stage.services)({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    assert [message["type"] for message in told] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_websocket_is_turned_away() -> None:
    """There is none yet; the handshake is refused, not left open."""
    stage = await a_stage()
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        told.append(message)

    scope: Scope = {"type": "websocket", "path": "/v1/realtime", "headers": [], "query_string": b"", "scheme": "ws"}
    await application(stage.services)(scope, receive, send)
    assert [message["type"] for message in told] == ["websocket.close"]


async def test_an_address_with_a_name_in_it_is_served_by_its_pattern() -> None:
    """The name may hold slashes; records know the call by the pattern, not by whatever was typed."""
    stage = await a_stage(
        FakeProvider(says(Text("Hi"), Finished(FinishReason.STOP))), models=(Model("a/b", (TARGET,)),)
    )
    answer = await stage.ask("POST", "/generate/a/b", KEY, body=b'{"prompt": "Hi"}')
    assert (answer.status, answer.json()) == (200, {"response": "Hi"})
    assert [(record.route, record.model) for record in stage.scene.records] == [("/generate/{model_name}", "a/b")]
    for name in ("a", "", "a/b/"):
        answer = await stage.ask("POST", f"/generate/{name}", KEY, body=b'{"prompt": "Hi"}')
        assert (answer.status, answer.error["code"], answer.error["details"]) == (
            (400, "INVALID_MODEL", {"allowed": ["a/b"]})
        )
    assert (await stage.ask("GET", "/generate/a/b", KEY)).status == 405


async def test_simple_addresses_have_rules_of_their_own() -> None:
    """Length, time and size, as they were set; a body that is too large names its setting."""
    stage = await a_stage(FakeProvider(says(Text("Hi"), Finished(FinishReason.STOP))))
    stage.scene.gateway.catalogue = replace(stage.scene.gateway.catalogue, default_model="smart")
    rules = CallRules(SimpleRules(max_characters=2), Pace(3, 4), max_simple_body_bytes=20)
    stage.application = application(stage.services, rules)
    assert (await stage.ask("POST", "/generate", KEY, body=b'{"prompt": "Hi"}')).status == 200
    (call,) = stage.scene.main.calls
    assert call.deadline == stage.scene.clock.monotonic() + 3
    long = await stage.ask("POST", "/generate", KEY, body=b'{"prompt": "Hey"}')
    assert (long.status, long.error["code"]) == (422, "INVALID_VALUE")
    large = await stage.ask("POST", "/generate", KEY, body=b'{"prompt": "0123456789"}')
    assert (large.status, large.error["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert "'input.max_simple_body_bytes'" in large.error["message"]
