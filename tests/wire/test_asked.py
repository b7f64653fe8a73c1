"""What a translated request is: its bytes, and what it lost."""

from tollbar.wire.asked import Asked


def test_nothing_is_lost_unless_it_is_said() -> None:
    """Most requests are told whole."""
    assert Asked(b"{}") == (b"{}", ())
