"""Models onto the server's machine, over HTTP: by the admin key alone."""

import asyncio
import json
from typing import Any

import pytest

from tests.admin.pulling import MODEL
from tests.edge.stage import ADMIN_KEY, CALL_KEY, JSON, Stage, a_stage, bearer, call
from tollbar.domain.errors import Conflict, UnknownModel, UpstreamBusy
from tollbar.domain.local_models import Progress, PullState

pytestmark = pytest.mark.anyio

MODELS = "/admin/api/models"
PULL = f"{MODELS}/pull"
REMOVE = f"{MODELS}/remove"


async def pulled(stage: Stage) -> dict[str, Any]:
    """A pull that was begun."""
    answer = await stage.admin("POST", PULL, {"model": "tiny"})
    assert answer.status == 202, answer.body
    told: dict[str, Any] = answer.json()
    return told


async def test_a_pull_is_begun_and_told() -> None:
    """The answer comes at once; where it stands is told later, by id and in the list."""
    stage = await a_stage()
    told = await pulled(stage)
    assert {name: told[name] for name in ("object", "model", "source", "state", "done_bytes", "total_bytes")} == {
        "object": "pull",
        "model": "tiny",
        "source": "lab/tiny",
        "state": "downloading",
        "done_bytes": 40,
        "total_bytes": 100,
    }
    await asyncio.sleep(0)
    stage.source.tell(Progress(PullState.DOWNLOADING, 70, 100))
    shown = (await stage.admin("GET", f"{MODELS}/pulls/{told['id']}")).json()
    assert shown == {**told, "done_bytes": 70}
    stage.shelf.models.append(MODEL)
    listed = (await stage.admin("GET", MODELS)).json()
    assert listed["pulls"] == [shown]
    (model,) = listed["data"]
    assert (model["name"], model["kind"], model["size_bytes"], model["licence"]) == ("tiny", "chat", 100, "mit")
    assert "path" not in model


async def test_a_pull_is_watched_to_its_end() -> None:
    """Each step is an event, and the stream ends with the pull."""
    stage = await a_stage()
    told = await pulled(stage)
    caller = call(stage.application, "GET", f"{MODELS}/pulls/{told['id']}/events", [bearer(ADMIN_KEY)], (b"",))
    await caller.until(lambda: b'"done_bytes":40' in caller.body)
    stage.source.tell(Progress(PullState.DOWNLOADING, 70, 100))
    await caller.until(lambda: b'"done_bytes":70' in caller.body)
    stage.source.go_on.set()
    answer = await caller.answer()
    assert (answer.status, answer.header("content-type")) == (200, "text/event-stream; charset=utf-8")
    assert answer.header("cache-control") == "no-store"
    events = [json.loads(frame.removeprefix(b"data: ")) for frame in answer.body.split(b"\n\n") if frame]
    assert (events[0]["done_bytes"], events[-1]["state"], events[-1]["done_bytes"]) == (40, "done", 100)


async def test_a_pull_is_cancelled() -> None:
    """The answer is the pull that has ended, its watchers hear of it, and an unknown one is not found."""
    stage = await a_stage()
    address = f"{MODELS}/pulls/{(await pulled(stage))['id']}"
    caller = call(stage.application, "GET", f"{address}/events", [bearer(ADMIN_KEY)], (b"",))
    await caller.until(lambda: b"downloading" in caller.body)
    cancelled = await stage.admin("DELETE", address)
    assert (cancelled.status, cancelled.json()["state"], cancelled.json()["error"]) == (200, "cancelled", None)
    assert b'"cancelled"' in (await caller.answer()).body
    assert (await stage.admin("DELETE", f"{MODELS}/pulls/pull_unknown")).status == 404
    assert (await stage.ask("DELETE", address, bearer(CALL_KEY))).status == 403
    assert [what[1:] for what in stage.audit.noted] == [("model.pull", MODEL.name), ("model.cancel", MODEL.name)]


async def test_a_server_that_stops_lets_its_watchers_go() -> None:
    """Else each would hold up the stop for as long as a download takes."""
    stage = await a_stage()
    told = await pulled(stage)
    caller = call(stage.application, "GET", f"{MODELS}/pulls/{told['id']}/events", [bearer(ADMIN_KEY)], (b"",))
    await caller.until(lambda: b"data" in caller.body)
    stage.is_ready = False
    assert b'"downloading"' in (await caller.answer()).body


async def test_a_failure_is_told_with_its_remedy() -> None:
    """In the pull, since whoever began it has had an answer."""
    stage = await a_stage()
    stage.source.fault = UpstreamBusy("The hub is busy.", hint="Later.")
    told = await pulled(stage)
    stage.source.go_on.set()
    await asyncio.sleep(0.01)
    shown = (await stage.admin("GET", f"{MODELS}/pulls/{told['id']}")).json()
    assert shown["state"] == "failed"
    assert shown["error"] == {"code": "upstream_busy", "message": "The hub is busy.", "hint": "Later."}


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (UnknownModel("No model is called 'x'.", field="model"), 404, "NOT_FOUND"),
        (Conflict("There is no room."), 409, "CONFLICT"),
    ],
)
async def test_what_cannot_be_begun_is_refused(refusal: Exception, status: int, code: str) -> None:
    """With the status that says whose affair it is."""
    stage = await a_stage()
    stage.source.refusal = refusal  # type: ignore[assignment]
    answer = await stage.admin("POST", PULL, {"model": "x"})
    assert (answer.status, answer.error["code"]) == (status, code)


async def test_a_model_is_removed() -> None:
    """It is gone, and a second time there is nothing to remove."""
    stage = await a_stage()
    stage.shelf.models.append(MODEL)
    stage.shelf.left.add("half")
    assert (await stage.admin("POST", REMOVE, {"model": "tiny"})).json()["model"] == "tiny"
    assert (await stage.admin("POST", REMOVE, {"model": "half"})).json()["model"] == "half"
    assert (await stage.admin("POST", REMOVE, {"model": "tiny"})).status == 404
    assert (await stage.admin("GET", MODELS)).json()["data"] == []
    assert [what[1:] for what in stage.audit.noted] == [("model.remove", "tiny"), ("model.remove", "half")]


@pytest.mark.parametrize("path", [PULL, REMOVE])
@pytest.mark.parametrize("body", [{}, {"model": ""}, {"model": 5}, {"model": "x" * 501}, {"name": "x"}])
async def test_a_faulty_wish_is_refused(path: str, body: dict[str, object]) -> None:
    """The field at fault is named, and nothing is begun."""
    stage = await a_stage()
    answer = await stage.admin("POST", path, body)
    assert answer.status in (400, 422)
    assert answer.error["field"] in ("model", "name")
    assert stage.source.paths == []


@pytest.mark.parametrize("path", ["/pulls/pull_unknown", "/pulls/pull_unknown/events"])
async def test_a_pull_that_nobody_knows_is_not_found(path: str) -> None:
    """Before an event stream begins."""
    assert (await (await a_stage()).admin("GET", MODELS + path)).status == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", MODELS), ("POST", PULL), ("POST", REMOVE), ("GET", f"{MODELS}/pulls/x/events")]
)
async def test_only_the_admin_key_opens_them(method: str, path: str) -> None:
    """A key for calls is refused, and so is nobody."""
    stage = await a_stage()
    assert (await stage.ask(method, path, bearer(CALL_KEY), JSON, body=b'{"model": "tiny"}')).status == 403
    assert (await stage.ask(method, path, JSON, body=b'{"model": "tiny"}')).status == 401
    assert stage.source.paths == []
