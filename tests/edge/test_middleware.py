"""Every request has an id of ours, and every request of the control plane a line in the log."""

import re
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from tests.edge.stage import a_stage, call
from tollbar.edge.line import Message, Receive, Send
from tollbar.edge.middleware import AccessLog, RequestIds, Scope
from tollbar.edge.telemetry import Memory

NOW = datetime(2026, 11, 21, tzinfo=UTC)

pytestmark = pytest.mark.anyio


async def test_ids_are_ours_and_new_each_time() -> None:
    """What a caller sends as an id is not believed: it could point at another's log line."""
    stage = await a_stage()
    ids = [(await stage.ask("GET", "/health", (b"x-request-id", b"mine"))).header("x-request-id") for _ in range(3)]
    assert all(re.fullmatch(r"req_[0-9a-f]{24}", str(each)) for each in ids)
    assert len(set(ids)) == 3


async def test_a_request_of_the_control_plane_has_one_line() -> None:
    """Method, path, status and id, so that an id in an answer finds its line; no query, which might hold a key."""
    stage = await a_stage()
    with capture_logs() as lines:
        caller = call(stage.application, "GET", "/nowhere", query_string=b"api_key=swordfish")
        answer = await caller.answer()
    assert [line["event"] for line in lines] == ["request"]
    line = {name: lines[0][name] for name in ("method", "path", "status", "request_id")}
    expected = {"method": "GET", "path": "/nowhere", "status": 404, "request_id": answer.header("x-request-id")}
    assert line == expected
    assert "swordfish" not in str(lines)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("HEAD", "/docs"),
        ("GET", "/v1/models"),
        ("GET", "/nowhere"),
        ("DELETE", "/health"),
        ("POST", "/admin/api/keys"),
    ],
)
async def test_every_answer_of_the_control_plane_says_what_it_cost(method: str, path: str) -> None:
    """Found or not, allowed or not: the time it took and the memory of the process."""
    stage = await a_stage()
    answer = await stage.ask(method, path)
    assert 0 < float(str(answer.header("x-process-time"))) < 5
    assert float(str(answer.header("x-memory-used"))) > 1
    assert abs(float(str(answer.header("x-memory-delta")))) < 1_000


async def test_a_crash_has_its_line_too() -> None:
    """A request that ends in an exception is logged as what its caller saw."""

    async def crash(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        raise ValueError("mine")

    with capture_logs() as lines:
        answer = await call(RequestIds(AccessLog(crash, Memory()), NOW), "GET", "/x").answer()
    assert isinstance(answer.fault, ValueError)
    assert [line["status"] for line in lines] == [500]
    assert answer.header("x-request-id") == lines[0]["request_id"]


async def test_what_is_no_request_passes_unseen() -> None:
    """A start, a stop or a socket has no id and no line."""
    seen: list[Scope] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        """Nobody listens."""

    with capture_logs() as lines:
        await RequestIds(AccessLog(application, Memory()), NOW)({"type": "lifespan"}, receive, send)
    assert seen == [{"type": "lifespan"}]
    assert lines == []
