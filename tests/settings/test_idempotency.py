"""How long answers are kept, as it is set."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.settings.making import KNOWN
from tollbar.settings import SettingsError, load


def test_answers_are_kept_for_a_day(tmp_path: Path) -> None:
    """Up to a mebibyte of each, without anything being set."""
    kept = load({}, {}, KNOWN, tmp_path).idempotency
    assert timedelta(hours=kept.keep_hours) == timedelta(days=1)
    assert kept.max_bytes == 1_048_576


def test_a_time_below_nothing_is_refused(tmp_path: Path) -> None:
    """The fault names the setting."""
    (tmp_path / "tollbar.yaml").write_text("idempotency: {keep_hours: -1}\n")
    with pytest.raises(SettingsError, match=r"idempotency\.keep_hours"):
        load({}, {}, KNOWN, tmp_path)
