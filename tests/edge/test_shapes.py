"""Each address tells its failures as its clients read them."""

import json

import pytest

from tollbar.domain.errors import InvalidJson
from tollbar.edge.routes import CALLS
from tollbar.edge.shapes import ANTHROPIC, GOOGLE, OLLAMA, OPENAI, UNIFIED, ErrorShape, shape_of


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/chat/completions", OPENAI),
        ("/v1/nothing", OPENAI),
        ("/chat/completions", OPENAI),
        ("/chat/completions/", OPENAI),
        ("/models", OPENAI),
        ("/models/a/b", OPENAI),
        ("/api/chat", OLLAMA),
        ("/api/pull", OLLAMA),
        ("/v1/messages", ANTHROPIC),
        ("/v1/messages/count_tokens", ANTHROPIC),
        ("/v1/messages/batches", ANTHROPIC),
        ("/messages", ANTHROPIC),
        ("/v1beta/models", GOOGLE),
        ("/v1beta/nothing", GOOGLE),
        ("/v1beta/models/a/b:generateContent", GOOGLE),
        ("/v1/models/a/b:streamGenerateContent", GOOGLE),
        ("/v1/models/a/b", OPENAI),
        ("/chat", UNIFIED),
        ("/generate", UNIFIED),
        ("/generate/v1/x", UNIFIED),
        ("/response", UNIFIED),
        ("/health", UNIFIED),
        ("/admin/api/keys", UNIFIED),
        ("/", UNIFIED),
        ("/v2", UNIFIED),
        ("", UNIFIED),
    ],
)
def test_an_address_has_its_shape(path: str, shape: ErrorShape) -> None:
    """Those of a dialect its own, all others the unified one, whether or not there is anything."""
    assert shape_of(path) is shape


def test_simple_addresses_have_the_unified_shape() -> None:
    """And no other call has."""
    assert {row.path: shape_of(row.path) is UNIFIED for row in CALLS} == {row.path: row.is_simple for row in CALLS}


def test_a_shape_finds_the_code_of_what_it_wrote() -> None:
    """Whether the failure is an object or, as Ollama has it, a text."""
    for shape, code in ((OPENAI, "invalid_json"), (OLLAMA, "invalid_json"), (UNIFIED, "INVALID_JSON")):
        assert shape.code_in(json.loads(shape.encode(InvalidJson("No."), "req_1")[1])) == code
