"""A call whose answer is kept: what is told to nobody is not kept, and what goes on from it is held for."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.edge.stage import CALL_KEY, Answer, Stage, a_stage, bearer
from tests.fakes import FakeProvider, says
from tests.making import a_model
from tests.storage.making import StepClock, a_directory, opened
from tollbar.domain.errors import StreamBroken
from tollbar.domain.events import Finished, FinishReason, StreamEvent, Text
from tollbar.gateway.responses import Responses
from tollbar.storage.responses import StoredResponses

pytestmark = pytest.mark.anyio

SAID = (Text("Well."), Finished(FinishReason.STOP))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StoredResponses]:
    """A real store."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        yield storage.responses


async def set_up(store: StoredResponses | None, *answers: tuple[StreamEvent | Exception, ...]) -> Stage:
    """A gateway that answers so, and keeps what it answered."""
    stage = await a_stage(FakeProvider(*(says(*answer) for answer in answers)), models=(a_model(attempts=1),))
    if store is not None:
        stage.scene.gateway.responses = Responses(store, timedelta(days=1), most_bytes=10_000)
    return stage


async def ask(stage: Stage, **fields: Any) -> Answer:
    """A call."""
    body = json.dumps({"model": "smart", "input": "Hi", "max_output_tokens": 5, **fields}).encode()
    return await stage.ask("POST", "/v1/responses", bearer(CALL_KEY), body=body)


@pytest.mark.parametrize("stream", [True, False])
async def test_what_went_out_is_what_is_kept(store: StoredResponses, stream: bool) -> None:
    """And the next call is held for with all that it goes on from."""
    stage = await set_up(store, SAID, SAID)
    answer = await ask(stage, stream=stream, input="x" * 4_000)
    last = answer.body.decode().rpartition("data: ")[2] if stream else answer.body.decode()
    response = json.loads(last)["response"] if stream else json.loads(last)
    shown = await stage.ask("GET", f"/v1/responses/{response['id']}", bearer(CALL_KEY))
    assert (shown.status, shown.json()) == (200, response)
    assert (await ask(stage, previous_response_id=response["id"])).status == 200
    request = stage.scene.main.calls[-1].request
    assert request.prompt_bytes is not None
    assert request.prompt_bytes > 4_000


async def test_what_broke_off_is_not_kept(store: StoredResponses) -> None:
    """Though its id was told."""
    stage = await set_up(store, (Text("We"), StreamBroken("Cut.")))
    answer = await ask(stage, stream=True)
    steps = [json.loads(line[6:]) for line in answer.body.decode().splitlines() if line.startswith("data: ")]
    assert [step["sequence_number"] for step in steps] == list(range(len(steps)))
    shown = await stage.ask("GET", f"/v1/responses/{steps[0]['response']['id']}", bearer(CALL_KEY))
    assert (shown.status, shown.error["code"]) == (404, "not_found")


async def test_a_gateway_that_keeps_nothing_says_so() -> None:
    """Nobody can go on from anything, or look at it."""
    stage = await set_up(None, SAID)
    answer = await ask(stage)
    assert answer.json()["store"] is False
    gone_on = await ask(stage, previous_response_id=answer.json()["id"])
    assert (gone_on.status, gone_on.error["code"]) == (404, "previous_response_not_found")
    for method in ("GET", "DELETE"):
        assert (await stage.ask(method, f"/responses/{answer.json()['id']}", bearer(CALL_KEY))).status == 404
