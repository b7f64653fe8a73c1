"""What the options of a command ask for, as a draft."""

from decimal import Decimal

import pytest

from tollbar.admin.drafts import KeyDraft
from tollbar.cli.granting import Amounts, Granted, Rates, Standing, draft_of, names
from tollbar.domain.errors import InvalidValue


def test_options_become_a_draft() -> None:
    """Those that were not given ask for nothing; dollars are a number, with or without their sign."""
    assert draft_of(Granted(), Rates(), Standing()) == KeyDraft()
    granted = Granted(credits=5, dollars=" $0.50", reset="day", time_zone="UTC")
    assert draft_of(granted, Rates(rpm=3), Standing(team="lab"), name="ana", models=("a",)) == KeyDraft(
        name="ana", models=("a",), credits=5, dollars=Decimal("0.50"), reset="day", time_zone="UTC", rpm=3, team="lab"
    )
    with pytest.raises(InvalidValue, match="no number of dollars") as fault:
        draft_of(Amounts(dollars="much"))
    assert fault.value.field == "dollars"


def test_names_are_separated_by_commas() -> None:
    """None where none were given, which is something else than no names."""
    assert [names(text) for text in (None, "", "a", "a,b, ,c")] == [None, (), ("a",), ("a", "b", "c")]
