"""What is not served yet says so."""

import pytest

from tollbar.edge.unserved import unserved


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/v1/realtime", "realtime"),
        ("/v1/realtime/client_secrets", "realtime"),
        ("/mcp", "Model Context Protocol"),
        ("/v1/mcp/tools", "Model Context Protocol"),
        ("/v1/responses/resp_1/cancel", "background"),
    ],
)
def test_what_clients_look_for_is_told_of(path: str, word: str) -> None:
    """In words, with what to do instead."""
    error = unserved(path)
    assert error is not None
    assert word in error.message
    assert (error.status, bool(error.hint)) == (501, True)


@pytest.mark.parametrize("path", ["/v1/realtimes", "/mcpx", "/v1/embeddings", "/"])
def test_anything_else_is_nothing(path: str) -> None:
    """Not even what begins alike."""
    assert unserved(path) is None
