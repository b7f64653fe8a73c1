"""How large files may be, as it is set."""

from pathlib import Path

from tests.settings.making import KNOWN
from tollbar.settings import load


def test_a_form_may_have_half_a_gibibyte(tmp_path: Path) -> None:
    """Unless it is set otherwise."""
    assert load({}, {}, KNOWN, tmp_path).files.max_bytes == 2**29
