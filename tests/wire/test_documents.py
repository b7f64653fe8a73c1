"""A document without a name gets one."""

import pytest

from tollbar.wire.documents import usual_name


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("application/pdf", "document.pdf"),
        ("Text/Plain; charset=utf-8", "document.txt"),
        ("x/y", "document"),
        ("", "document"),
    ],
)
def test_its_name_tells_its_kind(kind: str, name: str) -> None:
    """As far as it is known."""
    assert usual_name(kind) == name
