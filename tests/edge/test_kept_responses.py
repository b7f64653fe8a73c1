"""Responses that are kept, looked at and forgotten."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.edge.stage import CALL_KEY, OTHER_KEY, Stage, a_stage, bearer, call
from tests.storage.making import StepClock, a_directory, opened
from tollbar.domain.responses import KeptResponse
from tollbar.gateway.responses import Responses

pytestmark = pytest.mark.anyio

ITEMS = [{"role": "user", "content": f"{place}"} for place in range(45)]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A gateway with one response of one key."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        stage = await a_stage()
        await stage.add_key(OTHER_KEY, "other")
        stage.scene.gateway.responses = Responses(storage.responses, timedelta(days=1), most_bytes=10_000)
        raw = json.dumps(ITEMS).encode()
        await storage.responses.keep(
            KeptResponse(CALL_KEY[8:18], "resp_1", None, None, "m", raw, b'{"id":"resp_1"}'), timedelta(days=1)
        )
        yield stage


async def a_page(stage: Stage, query: str) -> Any:
    """A page of the items."""
    path = "/v1/responses/resp_1/input_items"
    asked = call(stage.application, "GET", path, (bearer(CALL_KEY),), query_string=query.encode())
    return (await asked.answer()).json()


async def test_its_items_come_in_pages(stage: Stage) -> None:
    """The last one first, unless it is asked otherwise."""
    told: list[str] = []
    query = ""
    for has_more in (True, True, False):
        page = await a_page(stage, query)
        told += [item["content"][0]["text"] for item in page["data"]]
        assert page["has_more"] is has_more
        query = f"after={page['last_id']}"
    assert told == [str(place) for place in range(44, -1, -1)]
    first = await a_page(stage, "order=asc&limit=1")
    assert [item["content"][0]["text"] for item in first["data"]] == ["0"]


async def test_it_is_forgotten_by_whose_it_is_alone(stage: Stage) -> None:
    """Once; another key's wish is that for something that never was."""
    assert (await stage.ask("DELETE", "/v1/responses/resp_1", bearer(OTHER_KEY))).status == 404
    removed = await stage.ask("DELETE", "/v1/responses/resp_1", bearer(CALL_KEY))
    assert removed.json() == {"id": "resp_1", "object": "response", "deleted": True}
    assert removed.header("cache-control") == "no-store"
    assert (await stage.ask("GET", "/v1/responses/resp_1", bearer(CALL_KEY))).status == 404
