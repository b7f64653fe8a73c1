"""What a key may call, in OpenAI's shape."""

import pytest

from tests.edge.stage import CALL_KEY, a_stage, bearer
from tollbar.domain.catalogue import Catalogue, Model, Target

pytestmark = pytest.mark.anyio

KEY = bearer(CALL_KEY)
SMART = Model("smart", (Target("main", "m", context_tokens=128_000), Target("spare", "s", context_tokens=32_000)))
PLAIN = Model("lab/m/7b", (Target("lab", "m/7b"),), owned_by="lab")
HALF = Model("half", (Target("main", "m", context_tokens=8_000), Target("lab", "x")))


async def test_the_list_has_openais_shape() -> None:
    """Id, kind, moment and owner, and how much context surely fits: the least of all targets, if all are known."""
    stage = await a_stage(models=(SMART, PLAIN, HALF))
    answer = await stage.ask("GET", "/v1/models", KEY)
    created = int(stage.scene.clock.now().timestamp())
    shared = {"object": "model", "created": created}
    assert answer.json() == {
        "object": "list",
        "data": [
            {"id": "smart", **shared, "owned_by": "tollbar", "context_length": 32_000},
            {"id": "lab/m/7b", **shared, "owned_by": "lab", "context_length": None},
            {"id": "half", **shared, "owned_by": "tollbar", "context_length": None},
        ],
    }
    assert (await stage.ask("GET", "/models", KEY)).body == answer.body


async def test_the_list_holds_what_the_key_may_use() -> None:
    """Names and patterns of the key decide; without any, everything is shown."""
    for allowed, expected in (
        ((), ["smart", "lab/m/7b", "half"]),
        (("half",), ["half"]),
        (("lab/*", "x"), ["lab/m/7b"]),
    ):
        stage = await a_stage(listed=(SMART, PLAIN, HALF), key_models=allowed)
        answer = await stage.ask("GET", "/v1/models", KEY)
        assert [model["id"] for model in answer.json()["data"]] == expected


async def test_one_model_is_found_by_a_name_with_slashes() -> None:
    """Also one that is served without being listed, and one by its alias, each under the name that was asked for."""
    stage = await a_stage()
    stage.scene.gateway.catalogue = Catalogue(
        models={"smart": SMART, "lab/m/7b": PLAIN},
        aliases={"gpt-4o": "smart"},
        open_providers={"openai": lambda name: Target("openai", name)},
    )
    for name, owner in (("lab/m/7b", "lab"), ("gpt-4o", "tollbar"), ("openai/o9", "openai")):
        answer = await stage.ask("GET", f"/v1/models/{name}", KEY)
        assert (answer.status, answer.json()["id"], answer.json()["owned_by"]) == (200, name, owner)
    assert (await stage.ask("GET", "/models/smart", KEY)).status == 200


async def test_an_unknown_model_and_a_forbidden_one_are_told_alike() -> None:
    """A key learns nothing of models that are not for it."""
    stage = await a_stage(models=(SMART, PLAIN), key_models=("lab/*",))
    told = []
    for name in ("smart", "smirt"):
        answer = await stage.ask("GET", f"/v1/models/{name}", KEY)
        assert (answer.status, answer.error["code"], answer.error["param"]) == (404, "model_not_found", "model")
        told.append(answer.error["message"].replace(name, "…"))
    assert told[0] == told[1]
    assert (await stage.ask("GET", "/v1/models/lab/m/7b", KEY)).status == 200


async def test_an_empty_or_endless_name_is_unknown() -> None:
    """No crash, and no echo of kilobytes."""
    stage = await a_stage()
    for name in ("", "a" * 5_000, "\x00", "../smart"):
        answer = await stage.ask("GET", f"/v1/models/{name}", KEY)
        assert (answer.status, answer.error["code"]) == (404, "model_not_found")
        assert len(answer.error["message"]) < 300


async def test_looking_is_free() -> None:
    """Nothing is recorded, held, or asked of a provider."""
    stage = await a_stage()
    await stage.ask("GET", "/v1/models", KEY)
    await stage.ask("GET", "/v1/models/smart", KEY)
    assert stage.scene.records == []
    assert stage.scene.ledger.entries == []
    assert stage.scene.main.calls == []
