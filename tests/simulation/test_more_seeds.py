"""Brief simulations, many more than the whole ones of `test_simulation.py`: another process of the tests plays them."""

import pytest

from tests.simulation.__main__ import settle
from tests.simulation.play import BRIEF
from tests.simulation.seeds import AT_ONCE, check_seeds


@pytest.fixture(autouse=True, scope="module")
def quiet() -> None:
    """What all simulations share is made once."""
    settle()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 1_800, AT_ONCE))
def test_every_promise_is_kept_in_brief_ones(first: int) -> None:
    """As in the others."""
    check_seeds(first, BRIEF)
