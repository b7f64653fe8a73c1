"""What may be granted."""

import pytest

from tollbar.domain.errors import InvalidValue
from tollbar.domain.identity import Grant
from tollbar.domain.money import Unit
from tollbar.storage.grants import LARGEST_GRANT, check


@pytest.mark.parametrize("amount", [-1, LARGEST_GRANT + 1])
def test_an_amount_beyond_counting_is_refused(amount: int) -> None:
    """Sums of grants must stay within 64 bits."""
    check([Grant(Unit.CREDITS, LARGEST_GRANT), Grant(Unit.TOKENS, 0)])
    with pytest.raises(InvalidValue):
        check([Grant(Unit.CREDITS, amount)])


def test_a_unit_is_granted_once() -> None:
    """Two amounts of one unit contradict each other."""
    with pytest.raises(InvalidValue):
        check([Grant(Unit.CREDITS, 1), Grant(Unit.CREDITS, 1)])
