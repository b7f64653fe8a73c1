"""Each simple dialect is made of the same parts."""

import pytest

from tests.domain.test_errors import everything, made
from tollbar.domain.errors import GatewayError
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.simple import USUAL_RULES, chat, generate, local_chat, local_generate, question, response
from tollbar.wire.simple.errors import encode_error, encode_stream_error, row_of

DIALECTS = {
    make.__name__: make(USUAL_RULES) for make in (generate, local_generate, question, response, chat, local_chat)
}


@pytest.mark.parametrize("kind", list(everything()))
@pytest.mark.parametrize("name", DIALECTS)
def test_every_error_is_told_alike(name: str, kind: type[GatewayError]) -> None:
    """Each class by each dialect: its status is the table's, before and in a stream."""
    dialect, error = DIALECTS[name], made(kind)
    status, body = dialect.encode_error(error, "req-1")
    assert (status, body) == encode_error(error, "req-1")
    assert status == dialect.status_of(error) == row_of(kind)[1]
    if dialect.encode_stream_error is not None:
        assert dialect.encode_stream_error(error, "req-1") == encode_stream_error(error, "req-1")


@pytest.mark.parametrize("name", DIALECTS)
def test_only_text_cannot_tell_of_an_error(name: str) -> None:
    """It has no comments either; every other stream is of events."""
    dialect = DIALECTS[name]
    is_text = name == "local_generate"
    assert (dialect.encode_stream_error is None, dialect.comment == b"") == (is_text, is_text)
    assert dialect.stream_content_type.startswith(b"text/plain" if is_text else b"text/event-stream")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, b"text/plain"),
        (b"*/*", b"text/plain"),
        (b"text/event-stream", b"text/event-stream"),
        (b"text/html, Text/Event-Stream;q=0.9", b"text/event-stream"),
    ],
)
def test_who_accepts_events_gets_them(accept: bytes | None, kind: bytes) -> None:
    """Of a local model, too; both forms read and answer alike."""
    dialect = DIALECTS["local_generate"]
    headers = [(b"accept", accept)] if accept else []
    assert dialect.variant is not None
    chosen: Dialect = dialect.variant(Incoming(b"", headers))
    assert chosen.stream_content_type.startswith(kind)
    assert (chosen.decode, chosen.encode, chosen.variant) == (dialect.decode, dialect.encode, None)
