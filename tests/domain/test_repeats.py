"""Calls that may be sent again."""

from tollbar.domain.repeats import Repeatable


def test_the_same_name_of_two_callers_is_two_calls() -> None:
    """Whose it is belongs to what a call is known by."""
    mine = Repeatable("key:a", b"name", b"digest", "r1")
    assert mine != mine._replace(scope="key:b")
