"""What refusals of providers mean."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.errors import (
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamMisconfigured,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollbar.providers.faults import LONGEST_MESSAGE, Peer, from_status, read, retry_after_seconds

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
PEER = Peer("main", "OPENAI_API_KEY", "sk-our-own-secret")


def refused(status: int, error: object = None, **headers: str) -> UpstreamError:
    """The error for a status with OpenAI's body."""
    body = json.dumps({"error": error or {"message": "Because.", "type": "t", "param": "p", "code": "c"}}).encode()
    return from_status(PEER, status, {name.replace("_", "-"): text for name, text in headers.items()}, body, NOW)


@pytest.mark.parametrize(
    ("status", "kind", "may_retry"),
    [
        (400, UpstreamRejected, False),
        (401, UpstreamMisconfigured, False),
        (402, UpstreamMisconfigured, False),
        (403, UpstreamMisconfigured, False),
        (404, UpstreamRejected, False),
        (405, UpstreamRejected, False),
        (408, UpstreamTimeout, True),
        (409, UpstreamRejected, False),
        (413, UpstreamRejected, False),
        (422, UpstreamRejected, False),
        (424, UpstreamFailed, True),
        (429, UpstreamBusy, True),
        (500, UpstreamFailed, True),
        (501, UpstreamFailed, False),
        (502, UpstreamFailed, True),
        (503, UpstreamBusy, True),
        (504, UpstreamTimeout, True),
        (524, UpstreamTimeout, True),
        (529, UpstreamBusy, True),
        (301, UpstreamFailed, False),
        (307, UpstreamFailed, False),
        (204, UpstreamFailed, False),
    ],
)
def test_a_status_has_one_meaning(status: int, kind: type[UpstreamError], may_retry: bool) -> None:
    """Each status is one class of error, and either worth another try or not."""
    fault = refused(status)
    assert (type(fault), fault.is_retryable, fault.upstream_status) == (kind, may_retry, status)


def test_a_rejection_speaks_with_the_providers_words() -> None:
    """The caller reads what the provider said, with its code and param in the details."""
    fault = refused(400, {"message": "Too long.", "type": "invalid_request_error", "param": "n", "code": "too_long"})
    assert fault.message == "Too long."
    assert fault.details == {"provider": "main", "code": "too_long", "param": "n", "type": "invalid_request_error"}


def test_a_refused_key_names_where_it_is_set_and_never_the_key() -> None:
    """The operator reads which provider and which variable; no key shows, ours or one that the provider quotes."""
    fault = refused(401, {"message": "Incorrect API key provided: sk-proj-abc***1234. It was sk-our-own-secret."})
    assert "main" in fault.message
    assert fault.hint == "Check OPENAI_API_KEY."
    assert "sk-" not in fault.text + str(fault.details)


@pytest.mark.parametrize("message", ["API key not valid. Please pass a valid API key.", "Incorrect API key provided"])
def test_a_400_about_the_key_is_about_the_key(message: str) -> None:
    """Google and xAI answer 400 where others answer 401."""
    assert isinstance(refused(400, {"message": message}), UpstreamMisconfigured)


def test_a_caller_cannot_raise_an_alarm_about_the_key() -> None:
    """Words about keys that a message quotes from the request, and flagged input, are the caller's own affair."""
    quoting = refused(400, {"message": "Invalid value: 'API key not valid'."})
    flagged = refused(403, {"message": "Your input was flagged.", "metadata": {"flagged_input": "…"}})
    assert (type(quoting), type(flagged)) == (UpstreamRejected, UpstreamRejected)


@pytest.mark.parametrize("error", [{"code": "insufficient_quota"}, {"type": "exceeded_current_quota_error"}])
def test_an_empty_account_is_not_a_rate(error: dict[str, str]) -> None:
    """A 429 for lack of money is the operator's affair: waiting does not help."""
    fault = refused(429, {"message": "No money.", **error})
    assert (type(fault), fault.is_retryable) == (UpstreamMisconfigured, False)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "99999999999"}, 604_800.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_the_wait_is_read_in_all_its_forms(headers: dict[str, str], expected: float | None) -> None:
    """Seconds, milliseconds and dates are understood; nonsense is no wait."""
    assert retry_after_seconds(headers, NOW) == expected


def test_a_wait_belongs_to_errors_worth_another_try() -> None:
    """The wait is passed on with a 429, and not with a rejection."""
    assert refused(429, retry_after="3").retry_after_seconds == 3.0
    assert refused(400, retry_after="3").retry_after_seconds is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"message": "Plain."}}, "Plain."),
        ({"error": "A string."}, "A string."),
        ([{"error": {"message": "In a list.", "status": "INVALID_ARGUMENT"}}], "In a list."),
        ({"message": "Bare."}, "Bare."),
        ({"detail": "FastAPI."}, "FastAPI."),
        ({"detail": [{"loc": ["body", "n"], "msg": "too big"}, {"msg": "odd"}]}, "body.n: too big; odd"),
        ({"object": "error", "message": {"detail": [{"loc": ["body"], "msg": "extra"}]}}, "body: extra"),
        ({"error": {"message": None}}, ""),
        ({"error": {"message": 5}}, ""),
        ([], ""),
        ("text", ""),
        (None, ""),
    ],
)
def test_the_message_is_found_in_every_shape(body: object, expected: str) -> None:
    """OpenAI's shape and those of the servers that came near to it are understood; others say nothing."""
    assert read(json.dumps(body).encode(), PEER).message == expected


def test_foreign_text_is_quoted_shortly_and_pages_not_at_all() -> None:
    """Plain text is quoted up to 100 characters, HTML never."""
    assert len(read(b"x" * 5_000, PEER).message) == 100
    assert read(b"  <html><body>Secret stack trace", PEER).message == ""


@given(st.text(max_size=2_000), st.sampled_from([400, 401, 429, 500]))
def test_no_message_is_long_or_unprintable_or_holds_the_key(text: str, status: int) -> None:
    """Whatever a provider says, the message is one short line without our key."""
    fault = refused(status, {"message": f"{text}{PEER.secret}{text}", "code": text, "param": text})
    shown = [fault.message, *map(str, fault.details.values())]
    assert all(len(part) <= LONGEST_MESSAGE for part in shown)
    assert not any(character < " " or "\x7f" <= character < "\xa0" for part in shown for character in part)
    assert not any(PEER.secret in part for part in shown)


@given(st.binary(max_size=500))
def test_any_body_is_survived(body: bytes) -> None:
    """Bytes of any kind in an error body become an error, not a crash."""
    assert isinstance(from_status(PEER, 500, {}, body, NOW), UpstreamFailed)


def test_deep_nesting_is_survived() -> None:
    """A body nested beyond reason is read as saying nothing."""
    assert read(b"[" * 60_000, PEER).code == ""


@pytest.mark.parametrize(
    ("details", "wait"),
    [
        ([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}], 34.5),
        ([{"@type": "other"}, 5, {"retryDelay": "soon"}], None),
        ("none", None),
    ],
)
def test_google_says_in_the_body_how_long_to_wait(details: object, wait: float | None) -> None:
    """Where no header does."""
    told = {"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED", "details": details}}
    fault = from_status(Peer("gemini"), 429, {}, json.dumps(told).encode(), NOW)
    assert (type(fault), fault.retry_after_seconds) == (UpstreamBusy, wait)


@pytest.mark.parametrize(
    ("status", "kind", "raised"),
    [
        (429, "ThrottlingException", UpstreamBusy),
        (400, "ServiceQuotaExceededException", UpstreamMisconfigured),
        (400, "ValidationException", UpstreamRejected),
    ],
)
def test_amazon_names_the_kind_in_a_header(status: int, kind: str, raised: type[UpstreamError]) -> None:
    """With an address behind it; the words are in the body, in either spelling."""
    headers = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/", "x-amzn-requestid": "r-1"}
    fault = from_status(PEER, status, headers, b'{"Message": "So it is."}', NOW)
    assert type(fault) is raised
    assert fault.message.endswith("So it is.")
    assert (fault.details["type"], fault.details["request_id"]) == (kind, "r-1")
