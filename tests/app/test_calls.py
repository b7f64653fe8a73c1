"""The log line of a call."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import msgspec
import pytest

from tollbar.app.calls import call_log
from tollbar.domain.errors import UpstreamFailed, UpstreamMisconfigured
from tollbar.domain.records import Attempt, Outcome, Provenance, RequestRecord
from tollbar.domain.usage import Usage
from tollbar.logs import Sink, render_json

MOMENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
REFUSED = Attempt("main/m", Outcome.FAILED, 0.1, 0.2, UpstreamMisconfigured.code, 401)
BUSY = Attempt("main/m", Outcome.FAILED, 0.1, 0.2, UpstreamFailed.code, 500)
ANSWERED = Attempt("spare/s", Outcome.OK, 0.2, 1.5)
RECORD = RequestRecord(
    request_id="req_1",
    at=MOMENT,
    route="/v1/chat/completions",
    key_id="k1",
    key_name="ana",
    address="192.0.2.7",
    model="smart",
    target="spare/s",
    stream=True,
    outcome=Outcome.OK,
    status=200,
    error_code=None,
    usage=Usage(12, 34),
    provenance=Provenance.PROVIDER_FINAL,
    credits=3,
    cost_nano_dollars=4_500,
    attempts=(BUSY, ANSWERED),
    duration_seconds=1.5019,
    first_token_seconds=0.2509,
    stages={},
)


def written(record: RequestRecord) -> list[dict[str, Any]]:
    """The lines of one record, through the real log."""
    stream = BytesIO()
    call_log(Sink(stream, render_json, lambda: MOMENT))([record])
    return [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]


def test_one_line_tells_a_call() -> None:
    """Who, what, how it ended, what it cost, how long it took, flat."""
    (line,) = written(RECORD)
    told = {name: value for name, value in line.items() if name not in {"at", "level"}}
    assert told == {
        "event": "call",
        "request_id": "req_1",
        "route": "/v1/chat/completions",
        "key": "ana",
        "address": "192.0.2.7",
        "model": "smart",
        "target": "spare/s",
        "stream": True,
        "outcome": "ok",
        "status": 200,
        "error": None,
        "attempts": 2,
        "prompt_tokens": 12,
        "completion_tokens": 34,
        "provenance": "provider_final",
        "credits": 3,
        "nano_dollars": 4_500,
        "milliseconds": 1_501,
        "first_token_milliseconds": 250,
    }


def test_what_is_not_known_is_null() -> None:
    """A call without an answer has no tokens and no first token."""
    (line,) = written(RECORD._replace(usage=None, first_token_seconds=None, provenance=None, attempts=()))
    names = ("prompt_tokens", "completion_tokens", "provenance", "first_token_milliseconds", "attempts")
    assert [line[name] for name in names] == [None, None, None, None, 0]


@pytest.mark.parametrize(("attempts", "count"), [((BUSY, ANSWERED), 0), ((REFUSED, ANSWERED), 1), ((REFUSED,) * 2, 2)])
def test_a_provider_that_refuses_our_key_is_an_error_of_its_own(attempts: tuple[Attempt, ...], count: int) -> None:
    """The operator is told, even where a fallback answered; a provider that merely fails is in the call's line."""
    *alarms, call = written(RECORD._replace(attempts=attempts))
    assert (len(alarms), call["event"]) == (count, "call")
    for line in alarms:
        assert (line["event"], line["level"]) == ("provider.misconfigured", "error")
        assert (line["request_id"], line["target"], line["upstream_status"]) == ("req_1", "main/m", 401)
