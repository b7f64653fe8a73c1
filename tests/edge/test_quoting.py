"""The header `x-tollbar-dry-run`."""

import json

import pytest

from tests.edge.stage import CALL_KEY, Answer, a_stage, bearer, call
from tests.making import a_body
from tollbar.domain.errors import InvalidValue
from tollbar.edge.quoting import is_dry_run

pytestmark = pytest.mark.anyio

PATH = "/v1/chat/completions"
TURNS = [{"role": "user", "content": "a"}]
DRY = (b"x-tollbar-dry-run", b"true")


@pytest.mark.parametrize("stream", [True, None])
async def test_a_dry_run_asks_nobody(stream: bool | None) -> None:
    """It tells the price as JSON, streamed or not, and costs nothing."""
    stage = await a_stage()
    answer = await stage.ask("POST", PATH, bearer(CALL_KEY), DRY, body=a_body(stream=stream))
    told = answer.json()
    assert (answer.status, answer.header("x-tollbar-dry-run")) == (200, "true")
    assert (told["object"], told["model"], told["allowed"], told["refused_by"]) == ("quote", "smart", True, [])
    [target] = told["targets"]
    assert target["target"] == "main/m"
    assert 0 < target["least_dollars"] < target["expected_dollars"] <= target["most_dollars"]
    assert stage.scene.main.calls == []
    assert [record.credits for record in stage.scene.records] == [0]


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai", {"messages": TURNS}),
        ("completions", {"prompt": "a"}),
        ("responses", {"input": "a"}),
        ("anthropic", {"messages": TURNS, "max_tokens": 9}),
        ("gemini", {"contents": [{"parts": [{"text": "a"}]}]}),
        ("ollama", {"messages": TURNS}),
        ("ollama", {"prompt": "a"}),
        ("embeddings", {"input": "a"}),
    ],
)
async def test_a_body_of_any_dialect_is_quoted(dialect: str, body: dict[str, object]) -> None:
    """By the codec of its endpoint; the model stands in the body, Google's too, and errors have one shape."""
    stage = await a_stage()

    async def quoted(**asked: object) -> Answer:
        raw = json.dumps(asked).encode()
        query = f"dialect={dialect}".encode()
        return await call(
            stage.application, "POST", "/v1/quote", (bearer(CALL_KEY),), (raw,), query_string=query
        ).answer()

    answer = await quoted(model="smart", **body)
    assert (answer.status, answer.json()["model"], len(answer.json()["targets"])) == (200, "smart", 1)
    missing = await quoted(**body)
    assert (missing.status, missing.error["param"]) == (400, "model")
    assert stage.scene.main.calls == []


async def test_a_wrong_request_gets_the_error_of_the_call() -> None:
    """In the dialect's own shape; and false is no dry run."""
    stage = await a_stage()
    unknown = await stage.ask("POST", PATH, bearer(CALL_KEY), DRY, body=a_body("nothing"))
    assert (unknown.status, unknown.error["code"]) == (404, "model_not_found")
    wrong = await stage.ask("POST", PATH, bearer(CALL_KEY), (DRY[0], b"maybe"), body=a_body())
    assert (wrong.status, wrong.error["param"]) == (400, "x-tollbar-dry-run")
    await stage.ask("POST", PATH, bearer(CALL_KEY), (DRY[0], b"False"), body=a_body())
    assert len(stage.scene.main.calls) == 1


def test_two_answers_are_none() -> None:
    """Yes and no at once is refused."""
    assert [is_dry_run([]), is_dry_run([DRY]), is_dry_run([DRY, DRY])] == [False, True, True]
    with pytest.raises(InvalidValue):
        is_dry_run([DRY, (DRY[0], b"false")])
