"""What the API document says of the addresses that tell of calls."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from tollbar.domain import errors
from tollbar.domain.records import Outcome, Provenance
from tollbar.edge.operation import READING, Operation
from tollbar.edge.request_schemas import (
    AttemptView,
    CancelView,
    ItemView,
    LineView,
    RequestView,
    RunningList,
    RunningView,
)
from tollbar.edge.schemas import NOTHING_MORE, NothingMore

_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
_LINE = LineView(
    attempt=0,
    target="openai/gpt-4o",
    outcome=Outcome.OK,
    paid=True,
    credits=1,
    dollars=Decimal("0.0006"),
    prompt_tokens=120,
    completion_tokens=30,
    provenance=Provenance.PROVIDER_FINAL,
    price_version="2026-11-20",
    items=[
        ItemView(kind="prompt", tokens=120, dollars_per_million=Decimal("2.5")),
        ItemView(kind="completion", tokens=30, dollars_per_million=Decimal(10)),
    ],
    flag=None,
    at=_AT,
)
_REQUEST = RequestView(
    id="req_19b77488500823c000000004",
    key_id="3fK9x0PqLm",
    model="gpt-4o",
    outcome=Outcome.OK,
    at=_AT,
    route="/v1/chat/completions",
    status=200,
    error=None,
    stream=True,
    user=None,
    seconds=1.84,
    first_token_seconds=0.41,
    attempts=[
        AttemptView(
            target="openai/gpt-4o",
            outcome=Outcome.OK,
            began_seconds=0.0007,
            ended_seconds=1.84,
            error=None,
            upstream_status=None,
        )
    ],
    lines=[_LINE],
)

_RUNNING = RunningView(
    id=_REQUEST.id,
    key_id="3fK9x0PqLm",
    key_name="ana",
    route="/v1/chat/completions",
    model="gpt-4o",
    target="openai/gpt-4o",
    since=_AT,
    tokens=212,
)

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/v1/requests/{request_id}"): Operation(
        tag="Account",
        summary="What a call cost, and why",
        answer=RequestView,
        example=_REQUEST,
        errors=(errors.NotFound, errors.Overloaded),
    ),
    ("POST", "/v1/requests/{request_id}/cancel"): Operation(
        tag="Account",
        summary="End a running call",
        description="A stream ends as a whole one does, another call with an error 499 `call_cancelled`.",
        body=NothingMore,
        body_examples=NOTHING_MORE,
        status=202,
        answer=CancelView,
        example=CancelView(id=_REQUEST.id),
        errors=(*READING, errors.NotFound, errors.Conflict, errors.Overloaded),
    ),
    ("GET", "/admin/api/requests"): Operation(
        tag="Keys",
        summary="List the calls that are running",
        description="In every process and on every machine that serves from the same store.",
        answer=RunningList,
        example=RunningList(data=[_RUNNING], silent=0),
        errors=(errors.Overloaded,),
    ),
    ("POST", "/admin/api/requests/{request_id}/cancel"): Operation(
        tag="Keys",
        summary="End a running call of any key",
        description="The audit tells who ended it.",
        body=NothingMore,
        body_examples=NOTHING_MORE,
        status=202,
        answer=CancelView,
        example=CancelView(id=_REQUEST.id),
        errors=(*READING, errors.NotFound, errors.Conflict, errors.Overloaded),
    ),
    ("GET", "/admin/api/requests/{request_id}"): Operation(
        tag="Keys",
        summary="What a call of any key cost, and why",
        answer=RequestView,
        example=_REQUEST,
        errors=(errors.NotFound, errors.Overloaded),
    ),
}
