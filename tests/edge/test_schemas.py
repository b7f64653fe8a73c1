"""The shapes of requests and answers."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tollbar.admin.drafts import KeyDraft
from tollbar.domain.identity import Allowance, AllowanceId, Key, Permission, Reset
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit, to_amount
from tollbar.edge.schemas import AllowanceView, KeyUpdate, KeyView, LimitView, NewKey, Rotation, Wish

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_key(expires_at: datetime | None = None, revoked_at: datetime | None = None) -> Key:
    """A key as the store gives it."""
    return Key("id", "ana", "sk-toll-…abcd", Permission.CALL, NOW, expires_at, revoked_at)


def test_a_new_key_takes_what_a_draft_takes() -> None:
    """A field that the use case knows is offered here, under the same name, and no other."""
    drafted = {field.name for field in fields(KeyDraft)}
    assert set(NewKey.model_fields) == drafted
    assert set(KeyUpdate.model_fields) == drafted - {"permission"} | {"version"}


@pytest.mark.parametrize("shape", Wish.__subclasses__())
def test_every_request_refuses_what_it_does_not_know(shape: type[Wish]) -> None:
    """Also the bodies that need nothing."""
    with pytest.raises(ValidationError, match="Extra inputs"):
        shape.model_validate({"surprise": 1})


@given(st.integers(min_value=0, max_value=10**18), st.booleans())
def test_dollars_reach_the_use_case_exactly(amount: int, as_text: bool) -> None:
    """Every whole number of nano-dollars, as a number or as a string."""
    dollars = Decimal(amount).scaleb(-9)
    wish = NewKey.model_validate({"name": "a", "dollars": f"{dollars:f}" if as_text else dollars})
    assert wish.dollars is not None
    assert to_amount(Unit.DOLLARS, wish.dollars) == amount


def test_a_grace_is_a_month_at_most() -> None:
    """The bound of the use case is the bound of the shape."""
    assert Rotation.model_validate({"grace_seconds": 30 * 86_400}).grace_seconds == 2_592_000
    with pytest.raises(ValidationError, match="less than or equal to 2592000"):
        Rotation.model_validate({"grace_seconds": 30 * 86_400 + 1})


@pytest.mark.parametrize(
    ("key", "state"),
    [
        (a_key(), "active"),
        (a_key(expires_at=NOW + SECOND), "active"),
        (a_key(expires_at=NOW), "expired"),
        (a_key(revoked_at=NOW - SECOND), "revoked"),
        (a_key(expires_at=NOW - SECOND, revoked_at=NOW - SECOND), "revoked"),
    ],
)
def test_a_key_tells_its_state(key: Key, state: str) -> None:
    """Revoked counts more than expired, and expiry is the moment itself."""
    assert KeyView.of(key, NOW).state == state


def test_a_key_without_a_list_may_use_every_model() -> None:
    """An empty list would read as none."""
    assert KeyView.of(a_key(), NOW).models == ["*"]


@given(
    st.sampled_from(list(Unit)),
    st.integers(0, 10**18),
    st.integers(0, 10**18),
    st.integers(0, 10**18),
)
def test_an_allowance_adds_up(unit: Unit, granted: int, spent: int, held: int) -> None:
    """Granted is spent, held and left together, to the last digit, in every unit."""
    view = AllowanceView.of(Allowance(AllowanceId(1, unit), granted, spent, held, Reset.MONTH, NOW))
    assert view.granted == view.spent + view.held + view.left
    assert (view.unit, view.reset, view.resets_at) == (unit, Reset.MONTH, NOW)


def test_a_limit_is_told_for_people_and_for_programs() -> None:
    """The text is the one that refusals use."""
    view = LimitView.of(Limit(Measure.TOKENS, 40_000, 60))
    assert view.model_dump() == {
        "text": "40000 per 1 minute",
        "measure": Measure.TOKENS,
        "amount": 40_000,
        "window_seconds": 60,
    }
