"""What Ollama's clients ask beside calls."""

import json

import pytest
from ollama import ListResponse, ProcessResponse, ShowResponse

from tests.edge.stage import CALL_KEY, Answer, Stage, a_stage, bearer
from tollbar.domain.catalogue import Model, Target

pytestmark = pytest.mark.anyio

KEY = bearer(CALL_KEY)
SMART = Model("smart", (Target("main", "m", context_tokens=128_000, supports=frozenset({"tools"})),))
OPEN = Model("lab/m/7b", (Target("lab", "m/7b"),), owned_by="lab")


async def show(stage: Stage, **body: object) -> Answer:
    """What is said of one model; clients without an SDK send no content type."""
    return await stage.ask("POST", "/api/show", KEY, body=json.dumps(body).encode())


async def test_the_models_of_a_key() -> None:
    """Those that it may use, as the SDK reads them."""
    stage = await a_stage(listed=(SMART, OPEN), key_models=("smart",))
    told = (await stage.ask("GET", "/api/tags", KEY)).json()
    assert [model.model for model in ListResponse.model_validate(told).models] == ["smart"]
    assert told["models"][0]["name"] == "smart"


async def test_what_a_model_can_do() -> None:
    """As far as it is known: what nobody knows is tried, so it is told."""
    stage = await a_stage(models=(SMART, OPEN))
    smart = ShowResponse.model_validate((await show(stage, model="smart")).json())
    assert smart.capabilities == ["completion", "tools"]
    assert smart.modelinfo is not None
    assert smart.modelinfo["tollbar.context_length"] == 128_000
    open_ = ShowResponse.model_validate((await show(stage, name="lab/m/7b", verbose=True)).json())
    assert open_.capabilities == ["completion", "tools", "vision"]
    assert open_.modelinfo is not None
    assert "tollbar.context_length" not in open_.modelinfo


async def test_an_unknown_model_and_a_forbidden_one_are_told_alike() -> None:
    """A key learns nothing of models that are not for it."""
    stage = await a_stage(models=(SMART, OPEN), key_models=("smart",))
    answers = [await show(stage, model=name) for name in ("lab/m/7b", "nothing")]
    assert [answer.status for answer in answers] == [404, 404]
    texts = [answer.error["message"].replace("lab/m/7b", "nothing") for answer in answers]
    assert texts[0] == texts[1]
    assert (await show(stage)).status == 400


async def test_nothing_is_in_memory_and_the_version_is_ollamas() -> None:
    """Clients compare the version with the least that they need; it needs no key."""
    stage = await a_stage()
    assert list(ProcessResponse.model_validate((await stage.ask("GET", "/api/ps", KEY)).json()).models) == []
    assert (await stage.ask("GET", "/api/version")).json() == {"version": "0.12.6"}


@pytest.mark.parametrize("path", ["/api/pull", "/api/push", "/api/create", "/api/copy", "/api/delete", "/api/blobs/x"])
async def test_models_are_not_managed_here(path: str) -> None:
    """404 in Ollama's shape, by every method."""
    stage = await a_stage()
    for method in ("GET", "POST", "DELETE", "HEAD"):
        answer = await stage.ask(method, path, KEY, body=b'{"model":"x"}')
        assert answer.status == 404
        assert method == "HEAD" or answer.error["code"] == "not_found"
