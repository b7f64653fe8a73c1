"""What is passed on as it is: the one field that is read, and what an answer says of itself."""

import pytest

from tollbar.domain.errors import InvalidValue, MissingField, RequestError, UpstreamFailed
from tollbar.domain.usage import Usage
from tollbar.wire.dialect import Incoming
from tollbar.wire.forwarded import Told, dialect, outgoing, told_in, usage_in

RERANK = dialect("/rerank")
FORM = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nmine\r\n--b--\r\n'
FORM_TYPE = ((b"content-type", b"multipart/form-data; boundary=b"),)


def test_the_model_is_read_and_replaced() -> None:
    """In a document and in a form, with all else as it came."""
    raw = b'{ "query":"who?", "model":"mine", "documents":["a", "b"], "x":1.50 }'
    request = RERANK.decode(Incoming(raw))
    assert (request.model, request.max_tokens, request.prompt_bytes) == ("mine", 0, 6 + 10)
    assert outgoing(request, 'th"eirs') == raw.replace(b'"mine"', b'"th\\"eirs"')
    request = RERANK.decode(Incoming(FORM, FORM_TYPE))
    assert request.errand is not None
    assert (request.model, request.errand.content_type) == ("mine", "multipart/form-data; boundary=b")
    assert outgoing(request, "theirs") == FORM.replace(b"mine", b"theirs")


def test_a_provider_of_another_dialect_has_no_such_thing() -> None:
    """Whoever would read a conversation out of it is told so."""
    with pytest.raises(InvalidValue, match="/rerank"):
        RERANK.decode(Incoming(b'{"model":"m"}')).source.expand()


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        (b'{"model":""}', MissingField, "model"),
        (b'{"model":"m","MODEL":"n"}', InvalidValue, "MODEL"),
        (b'{"model":"m","stream":true}', InvalidValue, "stream"),
        (b'{"model":"m","stream_format":"sse"}', InvalidValue, "stream_format"),
    ],
)
def test_faults_name_their_field(body: bytes, kind: type[RequestError], field: str) -> None:
    """And a stream is one, since none would come."""
    with pytest.raises(kind) as fault:
        RERANK.decode(Incoming(body))
    assert fault.value.field == field


def test_a_form_cannot_ask_for_a_stream_either() -> None:
    """Transcriptions can be streamed elsewhere."""
    part = b'--b\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n'
    with pytest.raises(InvalidValue, match="stream"):
        RERANK.decode(Incoming(part + FORM, FORM_TYPE))


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"prompt_tokens": 3, "total_tokens": 3}, Usage(3)),
        ({"input_tokens": 3, "output_tokens": 4, "input_token_details": {"audio_tokens": 2}}, Usage(3, 4, 0, 0, 0, 2)),
        ({"total_tokens": 5}, Usage(5)),
        ({"type": "duration", "seconds": 3}, None),
        ({"prompt_tokens": -1, "completion_tokens": True}, Usage()),
        ([], None),
        (None, None),
    ],
)
def test_usage_has_several_names(usage: object, read: Usage | None) -> None:
    """What is no count of tokens is none."""
    assert usage_in(usage) == read


def test_an_answer_is_what_it_says_it_is() -> None:
    """A type that is none, or none of a kind that headers can hold, is bytes."""
    assert told_in(b"ID3", "audio/mpeg") == Told("audio/mpeg", None)
    assert told_in(b"a", "text/plain; charset=utf-8") == Told("text/plain; charset=utf-8", None)
    assert told_in(b"a", "") == Told("application/octet-stream", None)
    assert told_in(b"a", "audio/\x01\r\nx: y") == Told("application/octet-stream", None)
    assert told_in(b'{"usage":{"total_tokens":2},"x":[1]}', "application/json") == Told("application/json", Usage(2))


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"error":{"message":"No."}}', b"\xff"])
def test_what_is_no_answer_is_a_failure(raw: bytes) -> None:
    """That may be tried again."""
    with pytest.raises(UpstreamFailed) as fault:
        told_in(raw, "application/json")
    assert fault.value.is_retryable is True
