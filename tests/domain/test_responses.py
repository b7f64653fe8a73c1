"""Responses that are kept, and threads of them."""

import pytest

from tollbar.domain.responses import KeptResponse, Thread

FIRST = KeptResponse("key", "r1", None, None, "m", b"[]", b"{}")


@pytest.mark.parametrize(
    ("turns", "is_complete"),
    [
        ((FIRST,), True),
        ((FIRST, FIRST._replace(id="r2", previous="r1")), True),
        ((FIRST._replace(previous="r0"),), False),
        ((FIRST, FIRST._replace(id="r2", previous="r1", document=b"")), False),
    ],
)
def test_a_thread_is_complete_from_its_beginning_on(turns: tuple[KeptResponse, ...], is_complete: bool) -> None:
    """Where its first response goes on from none, and the content of none is missing."""
    assert Thread(turns).is_complete is is_complete
