"""The shapes of the control plane: what its requests may hold, and what its answers tell.

Guarantees: a request with a field that is not here is refused, never half obeyed; no answer holds a secret or its
digest, save the one field that shows a new key once. Dollars are exact decimals, everything else whole numbers.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, WithJsonSchema

from tollbar.admin.drafts import EVERY_MODEL, MAX_AMOUNT, MAX_NAME
from tollbar.admin.keys import MAX_GRACE
from tollbar.domain.identity import Allowance, Holder, Key, KeyKind, Permission, Reset
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit, to_decimal

Amount = Annotated[Decimal, WithJsonSchema({"type": "number"})]
"""Dollars with up to nine decimal places, or a whole number of credits or tokens."""


Wished = Annotated[Decimal, Strict(strict=False)]
"""An amount in a request: a JSON number, or its digits as a string; both are read exactly."""


def wished(unit: Unit, description: str) -> Any:
    """The bounds of an amount, checked before any sum is made of it.

    Nine places are the most for whole amounts too: 1e-999999999 would be rounded away, and pass for a whole number.
    """
    whole = None if unit is Unit.DOLLARS else 1
    return Field(None, ge=0, le=MAX_AMOUNT[unit], decimal_places=9, multiple_of=whole, description=description)


class Shape(BaseModel):
    """What an answer tells."""

    model_config = ConfigDict(frozen=True)


class Wish(BaseModel):
    """What a request asks for; a field that is not listed is refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class AmountFields(Wish):
    """What is granted: once, or in every period."""

    credits: Wished | None = wished(Unit.CREDITS, "An allowance of credits: successful calls.")
    dollars: Wished | None = wished(Unit.DOLLARS, "An allowance of dollars, at the providers' prices.")
    tokens: Wished | None = wished(Unit.TOKENS, "An allowance of tokens, prompt and answer together.")
    reset: str | None = Field(
        None,
        description="When the amounts named here begin anew.",
        json_schema_extra={"enum": [*Reset, None]},
    )
    time_zone: str | None = Field(None, description="Where their periods begin: `Europe/Berlin`; UTC by default.")


class SharedFields(AmountFields):
    """What can be said of a key, and of a team for its keys together. Rates count in any minute and any day."""

    models: list[str] | None = Field(None, description="The models to be used; `*` is every model and may be a part.")
    rpm: int | None = Field(None, ge=0, description="Requests per minute; 0 lifts the limit.")
    rpd: int | None = Field(None, ge=0, description="Requests per day; 0 lifts the limit.")
    tpm: int | None = Field(None, ge=0, description="Tokens per minute; 0 lifts the limit.")
    tpd: int | None = Field(None, ge=0, description="Tokens per day; 0 lifts the limit.")
    concurrency: int | None = Field(None, ge=0, description="Calls at once; 0 lifts the limit.")


class KeyFields(SharedFields):
    """What can be said of a key, when it is made and later."""

    tier: str | None = Field(None, description="The tier that says what a call costs; empty for a plain key.")
    team: str | None = Field(None, description="The team it belongs to, by id or name; empty for none.")
    max_uses: int | None = Field(
        None, ge=0, le=MAX_AMOUNT[Unit.USES], description="How many successful calls it makes in all."
    )
    expires: str | None = Field(None, description="A span (`30d`, `12h`), a date, a time, or `never`.")


class NewKey(KeyFields):
    """A key to be made."""

    name: str = Field(description="Who or what will use it; unique.", min_length=1, max_length=MAX_NAME)
    permission: str | None = Field(
        None,
        description="What it opens: calls, or the administration.",
        json_schema_extra={"enum": [*Permission, None]},
    )


class KeyUpdate(KeyFields):
    """What to change of a key; what is not named stays."""

    name: str | None = Field(None, description="Its new name.", min_length=1, max_length=MAX_NAME)
    version: int | None = Field(None, description="The version that was read; another one is refused with 409.", ge=1)


class TopUpWish(Wish):
    """Amounts on top of allowances for a while; one of 0 ends it."""

    credits: Wished | None = wished(Unit.CREDITS, "Credits on top.")
    dollars: Wished | None = wished(Unit.DOLLARS, "Dollars on top.")
    tokens: Wished | None = wished(Unit.TOKENS, "Tokens on top.")
    expires: str = Field(description="When it ends: a span (`7d`, `12h`), a date, or a time.")


class Rotation(Wish):
    """How a key gets its next secret."""

    grace_seconds: int = Field(
        0, ge=0, le=int(MAX_GRACE.total_seconds()), description="How long the present secret works on."
    )


class Revocation(Wish):
    """Nothing needs to be said to revoke a key."""


class LimitView(Shape):
    """A rate, or a number of calls at once."""

    text: str = Field(description="For people: `20 per 1 minute`.")
    measure: Measure
    amount: int
    window_seconds: int = Field(description="0 for calls at once.")

    @classmethod
    def of(cls, limit: Limit) -> "LimitView":
        """How a limit is told."""
        return cls(text=str(limit), measure=limit.measure, amount=limit.amount, window_seconds=limit.window_seconds)


class AllowanceView(Shape):
    """How an allowance stands: `granted` is always `spent`, `held` and `left` together."""

    unit: Unit
    holder: Holder = Field(Holder.KEY, description="Whose it is: the key's own, its team's, or everybody's.")
    granted: Amount
    spent: Amount
    held: Amount = Field(description="Reserved by calls in progress.")
    left: Amount = Field(description="What a new call could take; below zero after a call that cost more than it held.")
    reset: Reset
    time_zone: str = Field("UTC", description="Where its periods begin.")
    resets_at: datetime | None = Field(description="When it begins anew, if it does.")
    top_up: Amount | None = Field(None, description="The part of `granted` that is on top for a while.")
    top_up_until: datetime | None = Field(None, description="When that part ends.")

    @classmethod
    def of(cls, allowance: Allowance) -> "AllowanceView":
        """How an allowance is told."""
        unit = allowance.id.unit
        return cls(
            unit=unit,
            holder=allowance.id.holder,
            granted=to_decimal(unit, allowance.granted),
            spent=to_decimal(unit, allowance.spent),
            held=to_decimal(unit, allowance.held),
            left=to_decimal(unit, allowance.left),
            reset=allowance.reset,
            time_zone=allowance.zone,
            resets_at=allowance.resets_at,
            top_up=to_decimal(unit, allowance.top_up.amount) if allowance.top_up else None,
            top_up_until=allowance.top_up.until if allowance.top_up else None,
        )


class AccountView(Shape):
    """A key as its holder may see it."""

    object: Literal["key"] = "key"
    id: str = Field(description="The public id, as in lists and logs; no part of the secret.")
    name: str
    kind: KeyKind
    tier: str | None = Field(description="Null for a plain key.")
    credits_per_call: int = Field(description="The credits of a successful call, before the model's multiplier.")
    expires_at: datetime | None
    models: list[str] = Field(description="The models it may use; `*` stands for any name.")
    limits: list[LimitView]
    team: str | None = Field(None, description="The name of its team, if it has one.")
    allowances: list[AllowanceView] = Field(
        description="All that cover it: a call needs room in each. Empty when nothing bounds what it may spend."
    )


class KeyView(Shape):
    """A key as its keeper sees it: everything but the secret."""

    object: Literal["key"] = "key"
    id: str
    name: str
    hint: str = Field(description="The beginning and the last four characters of the secret.")
    permission: Permission
    kind: KeyKind = Field(description="How it came to be.")
    tier: str | None = Field(description="Null for a plain key.")
    team: str | None = Field(None, description="The id of its team, if it has one.")
    is_bound: bool = Field(description="Whether one address alone may use it.")
    state: Literal["active", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    models: list[str] = Field(description="The models it may use; `*` stands for any name.")
    limits: list[LimitView]
    allowances: list[AllowanceView]
    version: int = Field(description="Grows with each change; also the ETag.")

    @classmethod
    def of(cls, key: Key, now: datetime) -> "KeyView":
        """How a key is told."""
        return cls(
            id=key.id,
            name=key.name,
            hint=key.hint,
            permission=key.permission,
            kind=key.kind,
            tier=key.tier or None,
            team=key.team or None,
            is_bound=key.bound_to is not None,
            state=_state(key, now),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            models=list(key.models) or [EVERY_MODEL],
            limits=[LimitView.of(limit) for limit in key.limits],
            allowances=[AllowanceView.of(allowance) for allowance in key.allowances],
            version=key.version,
        )


class IssuedKeyView(KeyView):
    """A key and the secret that was just made for it."""

    key: str = Field(description="The secret: shown here and never again.")


class KeyList(Shape):
    """Every key, newest first."""

    object: Literal["list"] = "list"
    data: list[KeyView]


class ModelView(Shape):
    """A model, in OpenAI's shape."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="When this server started, in Unix seconds.")
    owned_by: str
    context_length: int | None = Field(None, description="Tokens that fit wherever the call is sent; null if unknown.")


class ModelList(Shape):
    """The models that the key may use."""

    object: Literal["list"] = "list"
    data: list[ModelView]


def _state(key: Key, now: datetime) -> Literal["active", "expired", "revoked"]:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


class NothingMore(Wish):
    """The address says it all: the body, where there is one, is an empty object."""


NOTHING_MORE = {"nothing": {"summary": "Nothing more to say", "value": {}}}
