"""How many end users there may be, as it is set."""

from pathlib import Path

import pytest

from tests.settings.making import KNOWN
from tollbar.settings import SettingsError, load


def test_there_is_a_bound_without_anything_being_set(tmp_path: Path) -> None:
    """And one is the least; the fault names the setting."""
    assert load({}, {}, KNOWN, tmp_path).end_users.most == 10_000
    (tmp_path / "tollbar.yaml").write_text("end_users: {most: 0}\n")
    with pytest.raises(SettingsError, match=r"end_users\.most"):
        load({}, {}, KNOWN, tmp_path)
