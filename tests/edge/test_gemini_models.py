"""The models of a key as Google's clients read them."""

import pytest

from tests.edge.stage import CALL_KEY, a_stage, bearer
from tollbar.edge.gemini_models import METHODS

pytestmark = pytest.mark.anyio


async def test_models_are_listed_and_shown_in_googles_words() -> None:
    """The same as elsewhere, each with what it can do; one that there is not is 404 in Google's shape."""
    stage = await a_stage()
    names = [model["id"] for model in (await stage.ask("GET", "/v1/models", bearer(CALL_KEY))).json()["data"]]
    listed = (await stage.ask("GET", "/v1beta/models", bearer(CALL_KEY))).json()["models"]
    assert [model["name"] for model in listed] == [f"models/{name}" for name in names]
    shown = await stage.ask("GET", f"/v1beta/models/{names[0]}", bearer(CALL_KEY))
    assert shown.json() == listed[0]
    assert listed[0]["supportedGenerationMethods"] == list(METHODS)
    missing = await stage.ask("GET", "/v1beta/models/no/such", bearer(CALL_KEY))
    assert (missing.status, missing.error["status"]) == (404, "NOT_FOUND")
