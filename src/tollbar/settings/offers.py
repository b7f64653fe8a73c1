"""The sections that say what is offered, and to whom: providers, models, tiers, callers without a key, limits."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from tollbar.settings.fields import Dollars, Frozen, Names, Rates, SecretText, Section, WebAddress, over, setting
from tollbar.settings.sections import TimeoutOverrides


class Provider(Section):
    """One upstream: a vendor that Tollbar knows, or any server that speaks a known wire."""

    vendor: str | None = setting(None, "A vendor that Tollbar knows; its row brings the wire and the address.")
    wire: str | None = setting(None, "The protocol the server speaks, for servers that are no known vendor.")
    also: tuple[str, ...] | None = setting(
        None,
        "What it speaks besides, at the same address, for callers of that: `responses`, `completions`, `files`. "
        "A vendor's own are used where nothing is said; `[]` for none.",
    )
    base_url: WebAddress | None = setting(None, "The server's address; needed with `wire`, an override with `vendor`.")
    api_key: SecretText | None = setting(
        None, "The provider's key, as ${NAME} or file:PATH. A vendor's usual environment name is used otherwise."
    )
    timeouts: TimeoutOverrides = setting(
        TimeoutOverrides, "Time-outs that differ for this provider, under the names of `timeouts`."
    )

    @model_validator(mode="after")
    def _has_one_nature(self) -> Self:
        if (self.vendor is None) == (self.wire is None):
            raise ValueError("needs either vendor (one that Tollbar knows) or wire (with base_url)")
        if self.wire is not None and self.base_url is None:
            raise ValueError("has a wire but no base_url: say where the server is")
        return self


class Price(Section):
    """What a model costs, in dollars per million tokens."""

    input: Dollars = setting(..., "A million prompt tokens.", unit="dollars")
    output: Dollars = setting(..., "A million completion tokens.", unit="dollars")
    cached_input: Dollars | None = setting(
        None, "A million prompt tokens that the provider had cached.", unit="dollars"
    )
    request: Dollars = setting(
        Decimal(0), "One call, beside its tokens: what pictures and sound are priced by.", unit="dollars"
    )


class Model(Section):
    """A name that callers may use. The short form `name: provider/model` is a model with that one target."""

    targets: Names = setting((), "What serves the name, each as provider/model, in order.")
    alias: str | None = setting(None, "Another model that this name stands for; then nothing else is given.")
    strategy: Literal["ordered"] = setting("ordered", "How a target is chosen: in the order above.")
    multiplier: Annotated[Decimal, Field(allow_inf_nan=False)] = setting(
        Decimal(1), "The credit price of a call is multiplied by this.", bounds=(0, 1_000_000)
    )
    attempts: int | None = setting(None, "The most attempts of one call, where not `retries.attempts`.", bounds=(1, 5))
    context: int | None = setting(None, "How long prompt and answer may be together.", unit="tokens", bounds=(1, None))
    max_output: int | None = setting(None, "How long an answer may be.", unit="tokens", bounds=(1, None))
    price: Price | None = setting(None, "What the model costs, where the price table does not know or is wrong.")
    free: bool = setting(False, "The model costs nothing, so that a dollar allowance does not refuse it.")
    timeouts: TimeoutOverrides = setting(
        TimeoutOverrides, "Time-outs that differ for this model, under the names of `timeouts`."
    )

    @model_validator(mode="before")
    @classmethod
    def _accept_the_short_form(cls, value: Any) -> Any:
        return {"targets": (value,)} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_a_model_or_an_alias(self) -> Self:
        if self.alias is not None and self.model_fields_set != {"alias"}:
            raise ValueError("is an alias, which has no other keys: remove them, or remove alias")
        if self.alias is None and not self.targets:
            raise ValueError("has no targets: name at least one, as provider/model")
        if self.free and self.price is not None:
            raise ValueError("is free and has a price: keep one of the two")
        return self


class Tier(Section):
    """A kind of key."""

    cost: int = setting(
        ..., "The credits that a successful call costs, before the model's multiplier.", bounds=(0, None)
    )
    weight: float = setting(
        1.0,
        "How large the share of its keys is where calls wait for a model of this machine: 2 is served twice as often.",
        bounds=(0.01, 100),
    )


class Anonymous(Section):
    """Callers without a key."""

    enabled: bool = setting(False, "Let callers in without a key.", environment=("TOLLBAR_ANONYMOUS",))
    models: Names = setting((), "The models open to them; none listed means all.")
    limits: Rates = setting((), "How many requests one address may make without a key.")
    cost: int = setting(1, "The credits that a call of theirs is counted as.", unit="credits", bounds=(0, None))


class SelfService(Section):
    """Keys that callers fetch for themselves at /generate_api, one per address."""

    enabled: bool = setting(False, "Hand out keys.", environment=("TOLLBAR_SELF_SERVICE",))
    models: Names = setting((), "The models open to such a key; none listed means all.")
    credits: int | None = setting(
        None, "The credits of such a key; none given means that calls are not counted.", bounds=(0, None)
    )
    limits: Rates = setting((), "How many requests such a key may make.")
    max_uses: int | None = setting(
        None, "How many successful calls such a key makes; 1 makes it a one-time key.", bounds=(1, None)
    )
    renew: bool = setting(False, "Let an address fetch another key once its own was revoked or has expired.")


class RouteLimit(Section):
    """The rates of one route."""

    per: Literal["address", "key"] = setting(
        "address", "Who is counted on their own: each client address, or each key."
    )
    rates: Rates = setting((), "How many requests; none listed means no limit.")


class Limits(Section):
    """Rates of addresses and routes, for callers whose keys carry none of their own."""

    per_address: Rates = setting(
        ("100/day", "20/minute"), "What one client address may do on /generate_api and /response."
    )
    when_away: Literal["open", "closed"] = setting(
        "open",
        "What a rate means while Redis is away: `open`, each process counts for itself; `closed`, calls that have one "
        "are refused. Money is never guessed.",
    )
    routes: Annotated[Mapping[str, RouteLimit], over(lambda: ROUTE_LIMITS), Frozen] = setting(
        lambda: ROUTE_LIMITS,
        "Rates by path, where a path may end in `*`; the most exact entry holds. Each replaces the default for its "
        "path. Probes of /health from this machine and from trusted proxies are not counted.",
    )


ROUTE_LIMITS: Mapping[str, Any] = {
    "/generate": {"per": "address", "rates": ["10/minute"]},
    "/local/generate": {"per": "address", "rates": ["20/minute"]},
    "/health": {"per": "address", "rates": ["30/minute"]},
}
TIERS: Mapping[str, Any] = {"basic": {"cost": 2}, "premium": {"cost": 1}}
