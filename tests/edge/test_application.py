"""Calls go to their endpoints, everything else to the control plane, and all of it has one face."""

import pytest

from tests.edge.stage import CALL_KEY, a_stage, bearer
from tests.fakes import FakeProvider, says
from tests.making import a_body
from tollbar.domain.events import Frames
from tollbar.edge.application import application, control_plane
from tollbar.edge.line import Message
from tollbar.edge.middleware import Scope
from tollbar.edge.routes import CALLS, PAGES

pytestmark = pytest.mark.anyio

KEY = bearer(CALL_KEY)


async def test_a_call_is_served_on_each_of_its_addresses() -> None:
    """With and without `/v1`, the same answer."""
    stage = await a_stage(FakeProvider(says(Frames(b"{}", True, 1, is_last=True))))
    for row in CALLS:
        answer = await stage.ask("POST", row.path, KEY, body=a_body(stream=None))
        assert (answer.status, answer.body) == (200, b"{}")


async def test_a_call_does_not_pass_the_control_plane() -> None:
    """Its endpoint answers directly; the control plane knows no such route."""
    stage = await a_stage()
    paths = {str(getattr(route, "path", "")) for route in control_plane(stage.services).routes}
    assert paths == {page.path for page in PAGES}


async def test_the_body_limit_of_calls_is_the_one_that_was_set() -> None:
    """It does not touch the control plane."""
    stage = await a_stage()
    small = application(stage.services, max_body_bytes=10)
    stage.application = small
    answer = await stage.ask("POST", "/v1/chat/completions", KEY, (b"content-length", b"11"), body=b"x" * 11)
    assert answer.status == 413
    assert (await stage.admin("POST", "/admin/api/keys", {"name": "a longer body"})).status == 201


async def test_every_page_answers_head_as_it_answers_get() -> None:
    """The same status and headers; the server leaves the body out."""
    stage = await a_stage()
    for page in (page for page in PAGES if "HEAD" in page.methods and "{" not in page.path and page.path != "/metrics"):
        get, head = [await stage.ask(method, page.path, KEY) for method in ("GET", "HEAD")]
        unlike = {"x-request-id", "content-security-policy", "content-length"}
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
