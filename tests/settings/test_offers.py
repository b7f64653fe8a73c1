"""The sections that say what is offered, and to whom."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from tollbar.settings.fields import Rate
from tollbar.settings.offers import Anonymous, Limits, Model, Price, Provider, SelfService


def test_a_model_may_be_written_short() -> None:
    """A target alone is a model with that target."""
    assert Model.model_validate("a/b") == Model(targets=("a/b",))
    assert Model.model_validate({"targets": "a/b"}) == Model(targets=("a/b",))


def test_prices_and_multipliers_are_exact() -> None:
    """A price of 0.0375 dollars is exactly that, however it is written."""
    assert Price.model_validate({"input": 0.0375, "output": "0.15"}) == Price(
        input=Decimal("0.0375"), output=Decimal("0.15")
    )
    assert Model(targets=("a/b",), multiplier=Decimal("0.1")).multiplier == Decimal("0.1")


@pytest.mark.parametrize("value", [{"input": -1, "output": 1}, {"input": "inf", "output": 1}, {"output": 1}])
def test_impossible_prices_are_refused(value: object) -> None:
    """A price is a number of zero or more, and both kinds are needed."""
    with pytest.raises(ValidationError):
        Price.model_validate(value)


def test_a_provider_is_a_vendor_or_a_wire() -> None:
    """Exactly one of the two; a wire needs its address."""
    Provider(vendor="openai")
    Provider(wire="openai", base_url="http://x/v1")
    for wrong in ({}, {"wire": "openai"}, {"vendor": "a", "wire": "b", "base_url": "http://x"}):
        with pytest.raises(ValidationError):
            Provider.model_validate(wrong)


def test_routes_settle_on_the_default_ones() -> None:
    """A route of the file replaces the default for its path and leaves the others; the map cannot be changed."""
    limits = Limits.model_validate({"routes": {"/generate": {"rates": "1/day"}, "/v1/*": {"per": "key", "rates": []}}})
    assert limits.routes["/generate"].rates == (Rate(1, 86_400),)
    assert limits.routes["/local/generate"].rates == (Rate(20, 60),)
    assert (limits.routes["/v1/*"].per, limits.routes["/v1/*"].rates) == ("key", ())
    with pytest.raises(TypeError):
        limits.routes["/x"] = limits.routes["/generate"]  # type: ignore[index]


def test_doors_without_keys_are_shut() -> None:
    """Nobody comes in without a key, and nobody gets one, unless that is asked for."""
    assert (Anonymous().enabled, SelfService().enabled) == (False, False)
