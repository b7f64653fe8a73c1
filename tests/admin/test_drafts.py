"""What somebody asks a key to be, and what is wrong with it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.admin import drafts
from tollbar.admin.drafts import KeyDraft
from tollbar.domain.errors import InvalidValue
from tollbar.domain.identity import Allowance, AllowanceId, Grant, Key, Permission, Reset
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def draft_of(field: str, value: Any) -> KeyDraft:
    """A draft with one field."""
    asked: Any = {field: value}
    return KeyDraft(**asked)


def field_of(fault: pytest.ExceptionInfo[InvalidValue]) -> str | None:
    """The field that a fault names."""
    return fault.value.field


def test_a_name_is_trimmed() -> None:
    """White space around a name is nobody's intention."""
    assert drafts.read_name(KeyDraft(name="  ci bot ")) == "ci bot"


@pytest.mark.parametrize("name", [None, "", "  ", "x" * 101, "a\nb", "a\x1bb", "a\u202eb"])
def test_a_name_is_short_and_printable(name: str | None) -> None:
    """An absent, empty, long or unprintable name is refused."""
    with pytest.raises(InvalidValue) as fault:
        drafts.read_name(KeyDraft(name=name))
    assert field_of(fault) == "name"


def test_a_key_opens_calls_unless_told() -> None:
    """Calls by default, administration on demand, nothing else."""
    assert drafts.read_permission(KeyDraft()) is Permission.CALL
    assert drafts.read_permission(KeyDraft(permission="admin")) is Permission.ADMIN
    with pytest.raises(InvalidValue) as fault:
        drafts.read_permission(KeyDraft(permission="root"))
    assert field_of(fault) == "permission"


def test_a_tier_is_one_that_is_configured() -> None:
    """None and an empty name are a plain key; an unknown one is refused, and the setting and what it has are named."""
    tiers = ("premium", "basic")
    assert [drafts.read_tier(KeyDraft(tier=name), tiers) for name in (None, "", " basic ")] == ["", "", "basic"]
    with pytest.raises(InvalidValue, match="'gold'") as fault:
        drafts.read_tier(KeyDraft(tier="gold"), tiers)
    assert (field_of(fault), "'tiers' are: basic, premium" in fault.value.hint) == ("tier", True)
    with pytest.raises(InvalidValue, match="'basic'"):
        drafts.read_tier(KeyDraft(tier="basic"), ())


def test_uses_are_an_allowance() -> None:
    """So many successful calls; the field has a name of its own."""
    assert drafts.read_grants(KeyDraft(max_uses=3, reset="day")) == (Grant(Unit.USES, 3, Reset.DAY),)
    with pytest.raises(InvalidValue) as fault:
        drafts.read_grants(KeyDraft(max_uses=-1))
    assert field_of(fault) == "max_uses"


def test_models_are_trimmed_and_told_once() -> None:
    """Repetitions go; a star among them means every model, as does none."""
    assert drafts.read_models(KeyDraft(models=[" a", "b", "a "])) == ("a", "b")
    assert drafts.read_models(KeyDraft(models=["a", "*"])) == ()
    assert drafts.read_models(KeyDraft()) == ()


@pytest.mark.parametrize("models", [[""], ["a\n"] * 1 + ["\t"], ["x" * 257], [f"m{n}" for n in range(1_001)]])
def test_impossible_models_are_refused(models: list[str]) -> None:
    """Empty, long and endless lists of names are refused."""
    with pytest.raises(InvalidValue) as fault:
        drafts.read_models(KeyDraft(models=models))
    assert field_of(fault) == "models"


def test_rates_become_limits() -> None:
    """Each rate is a limit of its measure and window."""
    draft = KeyDraft(rpm=60, rpd=1_000, tpm=100_000, tpd=5, concurrency=4)
    assert set(drafts.read_limits(draft)) == {
        Limit(Measure.REQUESTS, 60, 60),
        Limit(Measure.REQUESTS, 1_000, 86_400),
        Limit(Measure.TOKENS, 100_000, 60),
        Limit(Measure.TOKENS, 5, 86_400),
        Limit(Measure.CONCURRENCY, 4, 0),
    }


def test_limits_are_replaced_one_by_one() -> None:
    """A rate replaces the present one of its kind, 0 lifts it, and the others stay."""
    present = (Limit(Measure.REQUESTS, 1, 60), Limit(Measure.TOKENS, 2, 60), Limit(Measure.CONCURRENCY, 3, 0))
    draft = KeyDraft(rpm=9, tpm=0, concurrency=0)
    assert drafts.read_limits(draft, present) == (Limit(Measure.REQUESTS, 9, 60),)
    assert drafts.read_limits(KeyDraft(), present) == present


@pytest.mark.parametrize("name", ["rpm", "rpd", "tpm", "tpd", "concurrency"])
@pytest.mark.parametrize("amount", [-1, 10**13])
def test_impossible_rates_are_refused(name: str, amount: int) -> None:
    """Negative and astronomical rates are refused by the name of their field."""
    with pytest.raises(InvalidValue) as fault:
        drafts.read_limits(draft_of(name, amount))
    assert field_of(fault) == name


def test_amounts_become_grants() -> None:
    """Amounts are whole, dollars in nano-dollars; the reset is for all of them."""
    draft = KeyDraft(credits=5, dollars=Decimal("1.25"), tokens=0, reset="month")
    assert set(drafts.read_grants(draft)) == {
        Grant(Unit.CREDITS, 5, Reset.MONTH),
        Grant(Unit.DOLLARS, 1_250_000_000, Reset.MONTH),
        Grant(Unit.TOKENS, 0, Reset.MONTH),
    }
    assert drafts.read_grants(KeyDraft()) == ()


def test_a_changed_amount_keeps_its_period() -> None:
    """Where nothing is said of the period, the present one stays."""
    allowance = Allowance(AllowanceId(1, Unit.CREDITS), 5, 0, 0, Reset.DAY, NOW)
    key = Key("id", "name", "hint", Permission.CALL, NOW, allowances=(allowance,))
    assert drafts.read_grants(KeyDraft(credits=9), key) == (Grant(Unit.CREDITS, 9, Reset.DAY),)
    assert drafts.read_grants(KeyDraft(credits=9, reset="never"), key) == (Grant(Unit.CREDITS, 9, Reset.NEVER),)


@pytest.mark.parametrize(
    ("unit", "amount"),
    [
        ("credits", Decimal("1.5")),
        ("credits", -1),
        ("credits", 10**9 + 1),
        ("dollars", Decimal("0.0000000001")),
        ("dollars", Decimal("1e999999")),
        ("dollars", Decimal("-1e-999999")),
        ("dollars", Decimal("nan")),
        ("dollars", Decimal("inf")),
        ("tokens", Decimal("1e16")),
    ],
)
def test_impossible_amounts_are_refused(unit: str, amount: int | Decimal) -> None:
    """Fractions of what is whole, negative, huge, tiny and endless amounts are refused by the name of their field."""
    with pytest.raises(InvalidValue) as fault:
        drafts.read_grants(draft_of(unit, amount))
    assert field_of(fault) == unit


@pytest.mark.parametrize("draft", [KeyDraft(reset="month"), KeyDraft(credits=1, reset="fortnight")])
def test_a_period_needs_an_amount_and_a_known_name(draft: KeyDraft) -> None:
    """A reset without an amount, or of an unknown length, is refused."""
    with pytest.raises(InvalidValue) as fault:
        drafts.read_grants(draft)
    assert field_of(fault) == "reset"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30d", NOW + timedelta(days=30)),
        (" 12 H ", NOW + timedelta(hours=12)),
        ("2026-12-31", datetime(2026, 12, 31, tzinfo=UTC)),
        ("2026-12-31T23:00:00+02:00", datetime(2026, 12, 31, 21, tzinfo=UTC)),
        ("2026-12-31T23:00:00Z", datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("never", None),
        ("Never", None),
    ],
)
def test_an_expiry_is_a_span_a_date_or_a_time(text: str, expected: datetime | None) -> None:
    """Spans count from now; dates and times without a zone are in UTC."""
    assert drafts.read_expiry(KeyDraft(expires=text), NOW) == expected


@pytest.mark.parametrize(
    "text",
    ["", "soon", "0d", "2025-12-31", "2026-01-01", "99999d", "2126-01-01", "0001-01-01T00:00+14:00", "1x", "-3d"],
)
def test_impossible_expiries_are_refused(text: str) -> None:
    """The past, the present, the far future and what says no time are refused; empty text says never."""
    if not text:
        assert drafts.read_expiry(KeyDraft(expires=text), NOW) is None
        return
    with pytest.raises(InvalidValue) as fault:
        drafts.read_expiry(KeyDraft(expires=text), NOW)
    assert field_of(fault) == "expires"


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_a_fault(text: str) -> None:
    """Whatever is written, the outcome is a moment to come, never, or a fault."""
    try:
        moment = drafts.read_expiry(KeyDraft(expires=text), NOW)
    except InvalidValue:
        return
    assert moment is None or moment > NOW


def test_spans_are_read() -> None:
    """Seconds to weeks; a fault names the field it was told."""
    texts = ["90s", "5m", "24h", "7d", "2w", "0s"]
    seconds = [drafts.read_span(text, "grace").total_seconds() for text in texts]
    assert seconds == [90, 300, 86_400, 604_800, 1_209_600, 0]
    for text in ("1y", "", "999999999w"):
        with pytest.raises(InvalidValue) as fault:
            drafts.read_span(text, "grace")
        assert field_of(fault) == "grace"
