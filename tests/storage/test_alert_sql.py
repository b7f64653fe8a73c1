"""The statements on alerts, as text for each database."""

import pytest

from tollbar.storage.alert_sql import alert_sql
from tollbar.storage.dialects import Compiler, Dialect


@pytest.mark.parametrize("dialect", Dialect)
def test_amounts_are_divided_before_they_are_multiplied(dialect: Dialect) -> None:
    """A grant may fill its bits: a hundred times as much would not fit."""
    assert "granted / 100" in alert_sql(Compiler(dialect)).standings.replace("allowances.", "")
