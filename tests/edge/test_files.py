"""Files over HTTP; that they reach a provider, and come back, is in the journey."""

import pytest

from tests.edge.stage import CALL_KEY, a_stage, bearer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", ""), ("GET", ""), ("GET", "/file-1"), ("DELETE", "/file-1"), ("GET", "/file-1/content")],
)
async def test_where_no_provider_has_files_there_are_none(method: str, path: str) -> None:
    """In OpenAI's shape, under both addresses; who has no key is told that first."""
    stage = await a_stage()
    for beginning in ("/v1/files", "/files"):
        answer = await stage.ask(method, beginning + path, bearer(CALL_KEY))
        assert (answer.status, answer.error["type"]) == (404, "invalid_request_error")
        assert (await stage.ask(method, beginning + path)).status == 401
