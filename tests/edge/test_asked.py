"""The headers that ask something of the gateway."""

import pytest

from tollbar.domain.errors import InvalidValue
from tollbar.edge.asked import NOTHING, Asked, asked_in, end_user_in


def test_most_calls_ask_nothing() -> None:
    """Whatever else they send."""
    assert asked_in([(b"content-type", b"application/json"), (b"x-user", b"ana")], may_repeat=True) is NOTHING


def test_each_has_its_header() -> None:
    """A name to be sent again under is read where that is possible."""
    headers = [(b"idempotency-key", b"n"), (b"x-tollbar-dry-run", b"true"), (b"x-tollbar-end-user", b"ana")]
    assert asked_in(headers, may_repeat=True) == Asked(b"n", True, "ana")
    assert asked_in(headers, may_repeat=False) == Asked(None, True, "ana")


@pytest.mark.parametrize("name", ["x-tollbar-end-user", "x-litellm-end-user-id", "x-litellm-customer-id"])
def test_an_end_user_has_several_names(name: str) -> None:
    """Ours, and those of who comes from elsewhere; the value is UTF-8."""
    assert end_user_in([(name.encode(), " anä ".encode())]) == "anä"
    assert end_user_in([(name.encode(), b" ")]) == ""


def test_two_end_users_are_nobody() -> None:
    """The same one twice is one; what is no text is no name."""
    twice = [(b"x-tollbar-end-user", b"ana"), (b"x-litellm-end-user-id", b"ana")]
    assert end_user_in(twice) == "ana"
    for wrong in ([*twice, (b"x-tollbar-end-user", b"ben")], [(b"x-tollbar-end-user", b"\xff")]):
        with pytest.raises(InvalidValue) as refused:
            end_user_in(wrong)
        assert refused.value.field == "x-tollbar-end-user"
