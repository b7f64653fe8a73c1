"""More seeds than `test_simulation.py` plays, in a file of their own: so another process of the tests plays them."""

import pytest

from tests.simulation.__main__ import settle
from tests.simulation.seeds import AT_ONCE, check_seeds


@pytest.fixture(autouse=True, scope="module")
def quiet() -> None:
    """What all simulations share is made once."""
    settle()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(270, 540, AT_ONCE))
def test_every_promise_is_kept_in_more_of_them(first: int) -> None:
    """As in the first ones."""
    check_seeds(first)
