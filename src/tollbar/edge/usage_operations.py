"""What the API document says of a key's usage, and of quotes."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tollbar.domain import errors
from tollbar.domain.identity import Reset
from tollbar.domain.money import Unit
from tollbar.edge.chat_schemas import REQUEST_EXAMPLES
from tollbar.edge.operation import CREDENTIAL, READING, Operation
from tollbar.edge.quoting import QuoteView, TargetQuoteView
from tollbar.edge.usage_schemas import DayView, PacedAllowanceView, UsageView, UsedView
from tollbar.gateway.counting import CountedBy

TAG = "Account"
_USED: Mapping[str, Any] = {
    "calls": 21,
    "prompt_tokens": 4_200,
    "completion_tokens": 1_260,
    "credits": 21,
    "dollars": Decimal("0.0137"),
    "unpriced_calls": 0,
}
_USAGE = UsageView(
    since=date(2026, 11, 1),
    total=UsedView(**_USED),
    days=[DayView(day=date(2026, 11, 20), model="tollbar-guide", **_USED)],
    allowances=[
        PacedAllowanceView(
            unit=Unit.CREDITS,
            granted=Decimal(100),
            spent=Decimal(21),
            held=Decimal(0),
            left=Decimal(79),
            reset=Reset.NEVER,
            resets_at=None,
            per_day=Decimal(30),
            runs_out_at=datetime(2026, 11, 23, 4, 12, tzinfo=UTC),
        )
    ],
)
_EVENT = (
    'data: {"object":"call","request_id":"req_19b77488500823c000000004","at":"2026-11-20T09:30:00Z",'
    '"model":"tollbar-guide","target":"tollbar-guide","outcome":"ok","paid":true,"prompt_tokens":12,'
    '"completion_tokens":40,"credits":1,"dollars":0,"end_user":null}\n\n'
)

_SAMPLES = (
    {
        "lang": "Shell",
        "label": "curl",
        "source": """\
curl http://127.0.0.1:8000/v1/quote \\
  -H "Authorization: Bearer $TOLLBAR_KEY" -H "Content-Type: application/json" \\
  -d '{"model": "tollbar-guide", "messages": [{"role": "user", "content": "How do I create a key?"}]}'
""",
    },
    {
        "lang": "Python",
        "label": "httpx",
        "source": """\
import httpx

asked = {"model": "tollbar-guide", "messages": [{"role": "user", "content": "How do I create a key?"}]}
headers = {"Authorization": f"Bearer {TOLLBAR_KEY}"}
quote = httpx.post("http://127.0.0.1:8000/v1/quote", json=asked, headers=headers).json()
print(quote["allowed"], quote["targets"][0]["expected_dollars"])
""",
    },
    {
        "lang": "JavaScript",
        "label": "fetch",
        "source": """\
const asked = { model: "tollbar-guide", messages: [{ role: "user", content: "How do I create a key?" }] };
const quote = await fetch("http://127.0.0.1:8000/v1/quote", {
  method: "POST",
  headers: { Authorization: `Bearer ${process.env.TOLLBAR_KEY}`, "Content-Type": "application/json" },
  body: JSON.stringify(asked),
}).then((answer) => answer.json());
console.log(quote.allowed, quote.targets[0].expected_dollars);
""",
    },
)

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/v1/me/usage"): Operation(
        tag=TAG,
        summary="What this key used, and when it runs out",
        description="By day (UTC) and model, with each allowance that covers the key. The pace is what was spent in "
        "the last seven days, or since the first of them on which something was; `runs_out_at` is null where nothing "
        "is spent, or where the allowance begins anew before. With `user`, or the header `x-tollbar-end-user`, it is "
        "one end user's. Free, and as quick after a million calls.",
        answer=UsageView,
        example=_USAGE,
        errors=(errors.InvalidValue, errors.NotFound),
        parameters=("days", "user"),
    ),
    ("GET", "/v1/me/usage/stream"): Operation(
        tag=TAG,
        summary="Each call of this key as it is settled",
        description="Server-sent events, from the moment of asking; a comment every 15 seconds where there is none. "
        "It ends with the key, and when the server stops: then ask again.",
        answer_type="text/event-stream",
        example=_EVENT,
        errors=(errors.InvalidValue, errors.NotFound, errors.Overloaded),
        parameters=("user",),
    ),
    ("POST", "/v1/quote"): Operation(
        tag="Calls",
        summary="What a call would cost",
        description="Takes the body of a chat completion or, with `dialect`, of another endpoint, and makes no call: "
        "the tokens and the price at each target, and whether the call would be let in. Free; counts as a request.",
        body="ChatRequest",
        body_examples=REQUEST_EXAMPLES,
        answer=QuoteView,
        example=QuoteView(
            model="tollbar-guide",
            allowed=True,
            credits=1,
            targets=[
                TargetQuoteView(
                    target="tollbar-guide",
                    prompt_tokens=20,
                    counted_by=CountedBy.ESTIMATE,
                    expected_tokens=420,
                    most_tokens=480,
                    least_dollars=Decimal(0),
                    expected_dollars=Decimal(0),
                    most_dollars=Decimal(0),
                )
            ],
            refused_by=[],
        ),
        errors=(*READING, *CREDENTIAL, errors.ContextTooLarge, errors.UnknownModel, errors.Overloaded),
        samples=_SAMPLES,
        parameters=("dialect",),
    ),
}
