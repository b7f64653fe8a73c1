"""What the API document says of each row of the route table, beyond what the row itself says.

Data for the document alone. A row without an entry here, or an entry without a row, fails a test.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from tollbar.domain import errors
from tollbar.domain.identity import KeyKind, Permission, Reset
from tollbar.domain.limits import Measure
from tollbar.domain.money import Unit
from tollbar.edge import (
    alert_operations,
    anthropic_operations,
    end_user_operations,
    errand_operations,
    gemini_schemas,
    kept_operations,
    local_operations,
    ollama_operations,
    request_operations,
    responses_operations,
    schemas,
    simple_operations,
    team_operations,
    usage_operations,
)
from tollbar.edge.chat_schemas import CODE_SAMPLES, COMPLETION_EXAMPLE, REQUEST_EXAMPLES, STREAM_EXAMPLE
from tollbar.edge.operation import ANSWERED, CALL, READING, Operation

_MOMENT = datetime(2027, 1, 31, tzinfo=UTC)
_LIMIT = schemas.LimitView(text="20 per 1 minute", measure=Measure.REQUESTS, amount=20, window_seconds=60)
_ALLOWANCE = schemas.AllowanceView(
    unit=Unit.DOLLARS,
    granted=Decimal(20),
    spent=Decimal("9.99999"),
    held=Decimal("0.0132"),
    left=Decimal("9.99681"),
    reset=Reset.MONTH,
    resets_at=datetime(2026, 12, 1, tzinfo=UTC),
)
_KEY = schemas.KeyView(
    id="3fK9x0PqLm",
    name="ana",
    hint="sk-toll-…x7Qd",
    permission=Permission.CALL,
    kind=KeyKind.ISSUED,
    tier=None,
    is_bound=False,
    state="active",
    created_at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    expires_at=_MOMENT,
    revoked_at=None,
    models=["*"],
    limits=[_LIMIT],
    allowances=[_ALLOWANCE],
    version=1,
)
_ISSUED = schemas.IssuedKeyView(**_KEY.model_dump(), key="sk-toll-3fK9x0PqLm…")
_ACCOUNT = schemas.AccountView(
    id=_KEY.id,
    name=_KEY.name,
    kind=KeyKind.ISSUED,
    tier="premium",
    credits_per_call=1,
    expires_at=_MOMENT,
    models=["*"],
    limits=[_LIMIT],
    allowances=[_ALLOWANCE],
)
_MODEL = schemas.ModelView(id="tollbar-guide", created=1_795_190_400, owned_by="tollbar", context_length=8_192)
_HEALTH = {"status": "ok", "version": "0.1.0", "uptime_seconds": 86.4}

_CHAT = Operation(
    tag="Calls",
    summary="Chat completion",
    description=(
        "OpenAI's Chat Completions. The body goes to the provider as it came, with the model's name replaced; the "
        "answer comes back untouched. With `stream: true` it is `text/event-stream`, closed by `data: [DONE]`; a "
        "failure after the first event is told in the stream, as an event with `error` and no `[DONE]`."
    ),
    body="ChatRequest",
    body_examples=REQUEST_EXAMPLES,
    answer="ChatCompletion",
    example=COMPLETION_EXAMPLE,
    errors=CALL,
    headers=ANSWERED,
    streams={"text/event-stream": STREAM_EXAMPLE},
    samples=CODE_SAMPLES,
)
_LIST_MODELS = Operation(
    tag="Models",
    summary="The models of a key",
    answer=schemas.ModelList,
    example=schemas.ModelList(data=[_MODEL]),
)
_SHOW_MODEL = Operation(
    tag="Models", summary="One model", answer=schemas.ModelView, example=_MODEL, errors=(errors.UnknownModel,)
)
_LIVE = Operation(tag="Health", summary="Is it alive?", answer="Health", example=_HEALTH)
_ONE_KEY = (errors.NotFound,)
_document = partial(Operation, "Documents", errors=(errors.NotFound,))

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/v1/chat/completions"): _CHAT,
    ("POST", "/chat/completions"): _CHAT,
    **ollama_operations.OPERATIONS,
    **errand_operations.OPERATIONS,
    **anthropic_operations.OPERATIONS,
    **responses_operations.OPERATIONS,
    **gemini_schemas.OPERATIONS,
    **simple_operations.OPERATIONS,
    ("GET", "/v1/models"): _LIST_MODELS,
    ("GET", "/models"): _LIST_MODELS,
    ("GET", "/v1/models/{model:path}"): _SHOW_MODEL,
    ("GET", "/models/{model:path}"): _SHOW_MODEL,
    ("GET", "/v1/me"): Operation(
        tag="Account",
        summary="What is left on my key",
        description="Amounts are exact: credits and tokens whole, dollars with up to nine decimals. Free, not metered.",
        answer=schemas.AccountView,
        example=_ACCOUNT,
        errors=(errors.Overloaded,),
    ),
    ("GET", "/generate_api"): Operation(
        tag="Account",
        summary="A key for this address",
        description="Where `self_service.enabled` is set: one key for each address, shown once, good from there alone. "
        "At most 20 requests in any minute and 100 in any day.",
        answer="OwnKey",
        example={
            "One Time API key": "1a2b3C4d5E6f7G8h9I0J1K2L3M4N5O6",
            "Generation Time": "2026-11-20 09:30:00",
            "!": "Don't share this secret API key.",
        },
        errors=(
            errors.NotFound,
            errors.NotAllowed,
            errors.KeyAlreadyIssued,
            errors.InvalidValue,
            errors.RateLimited,
            errors.Overloaded,
        ),
    ),
    ("GET", "/current-key"): Operation(
        tag="Account",
        summary="The rotating key",
        description="The key that is valid for everybody now, until `expiry`; then it is replaced. There is one where "
        "`ADMIN_SECRET` is set.",
        answer="CurrentKey",
        example={"api_key": "sk-3fK9x0PqLmZ81bcD", "expiry": "2026-11-27T09:30:00+00:00"},
        errors=(errors.NotFound, errors.Overloaded),
    ),
    ("GET", "/admin/api/keys"): Operation(
        tag="Keys", summary="List keys", answer=schemas.KeyList, example=schemas.KeyList(data=[_KEY])
    ),
    ("POST", "/admin/api/keys"): Operation(
        tag="Keys",
        summary="Create a key",
        body=schemas.NewKey,
        body_examples={
            "credits": {"summary": "A hundred calls", "value": {"name": "ana", "credits": 100, "rpm": 20}},
            "dollars": {
                "summary": "Twenty dollars a month, some models",
                "value": {"name": "ben", "dollars": 20, "reset": "month", "models": ["openai/*"], "expires": "90d"},
            },
        },
        status=201,
        answer=schemas.IssuedKeyView,
        example=_ISSUED,
        errors=(*READING, errors.Conflict, errors.NotFound),
        headers=("etag",),
    ),
    ("GET", "/admin/api/keys/{key_id}"): Operation(
        tag="Keys", summary="Show a key", answer=schemas.KeyView, example=_KEY, errors=_ONE_KEY, headers=("etag",)
    ),
    ("PATCH", "/admin/api/keys/{key_id}"): Operation(
        tag="Keys",
        summary="Change a key",
        description="Changes what is named and leaves the rest. With `If-Match` (an ETag) or `version`, a change that "
        "somebody else made in between is refused with 409.",
        body=schemas.KeyUpdate,
        body_examples={"more": {"summary": "More credits", "value": {"credits": 500, "version": 1}}},
        answer=schemas.KeyView,
        example=_KEY,
        errors=(*READING, errors.Conflict, *_ONE_KEY),
        headers=("etag",),
    ),
    ("POST", "/admin/api/keys/{key_id}/top-up"): Operation(
        tag="Keys",
        summary="Top up a key for a while",
        body=schemas.TopUpWish,
        body_examples=team_operations.TOP_UP,
        answer=schemas.KeyView,
        example=_KEY,
        errors=(*READING, *_ONE_KEY),
        headers=("etag",),
    ),
    ("POST", "/admin/api/keys/{key_id}/rotate"): Operation(
        tag="Keys",
        summary="Rotate a key",
        body=schemas.Rotation,
        body_examples={"grace": {"summary": "The old secret works for a day", "value": {"grace_seconds": 86_400}}},
        answer=schemas.IssuedKeyView,
        example=_ISSUED,
        errors=(*READING, errors.Conflict, *_ONE_KEY),
        headers=("etag",),
    ),
    ("POST", "/admin/api/keys/{key_id}/revoke"): Operation(
        tag="Keys",
        summary="Revoke a key",
        body=schemas.Revocation,
        body_examples={"nothing": {"summary": "Nothing more to say", "value": {}}},
        answer=schemas.KeyView,
        example=_KEY.model_copy(update={"state": "revoked", "revoked_at": _MOMENT, "version": 2}),
        errors=(*READING, *_ONE_KEY),
        headers=("etag",),
    ),
    **request_operations.OPERATIONS,
    **kept_operations.OPERATIONS,
    **team_operations.OPERATIONS,
    **alert_operations.OPERATIONS,
    **end_user_operations.OPERATIONS,
    **usage_operations.OPERATIONS,
    **local_operations.OPERATIONS,
    ("GET", "/health"): _LIVE,
    ("GET", "/healthz"): _LIVE,
    ("GET", "/health/ready"): Operation(
        tag="Health",
        summary="Are new calls welcome?",
        answer="Health",
        example={**_HEALTH, "status": "ready"},
        errors=(errors.Overloaded,),
    ),
    ("GET", "/metrics"): Operation(
        tag="Health",
        summary="Metrics",
        description="Prometheus' text format. The admin key opens it; a program on this machine needs none.",
        answer_type="text/plain",
        example="# TYPE toll_calls_total counter\n",
    ),
    ("GET", "/"): Operation(tag="Documents", summary="Landing page", answer_type="text/html"),
    ("GET", "/docs"): _document("This document, to try out", answer_type="text/html"),
    ("GET", "/redoc"): _document("This document, to read", answer_type="text/html"),
    ("GET", "/openapi.json"): _document("This document, for programs", answer="OpenAPI"),
    ("GET", "/docs/assets/{name}"): _document("A file of the documents", answer_type="*/*"),
}
