"""The money is right in every simulation; a simulation is the same whenever it is played; and it can fail."""

from collections.abc import Callable, Sequence

import pytest

from tests.simulation.__main__ import settle
from tests.simulation.mutations import MUTATIONS, SOURCE, Mutation
from tests.simulation.play import Plant, play
from tests.simulation.seeds import AT_ONCE, check_seeds, replay
from tests.simulation.store import Store, sql

FOUND: Sequence[int] = (527, 1372, 2157)
"""Seeds that broke a promise once: a clock that was set gave a call's turn to another one; a store that said nothing
failed calls that had ended.
"""


@pytest.fixture(autouse=True, scope="module")
def quiet() -> None:
    """What all simulations share is made once."""
    settle()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 200, AT_ONCE))
def test_every_promise_is_kept(first: int) -> None:
    """In as many simulations as a test may take time for; `test_more_seeds.py` plays brief ones."""
    check_seeds(first)


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_is_mended(seed: int) -> None:
    """Each of these broke a promise once."""
    assert play(seed).failure == "", replay(seed)


def test_a_seed_is_the_same_simulation_whenever_it_is_played() -> None:
    """Down to the last figure and the last microsecond, whether somebody looks or not; and another one is not."""
    first, again, other = play(104), play(104, is_told=True), play(105)
    assert (first.digest, first.commits) == (again.digest, again.commits)
    assert again.trace
    assert first.digest != other.digest


def test_a_commit_loses_its_answer_whether_it_was_done_or_not() -> None:
    """On a network that fails: one simulation has both, and keeps every promise."""
    outcome = play(13, is_told=True)
    told = "\n".join(outcome.trace or ())
    assert ("that was done" in told, "that was not done" in told, outcome.failure) == (True, True, "")


def ignoring(statement: Callable[[], str]) -> Plant:
    """A store that takes a statement and does nothing."""

    def plant(store: Store) -> None:
        store.lies[statement()] = lambda database, parameters: database.execute("SELECT 1 WHERE 0")

    return plant


PLANTS: dict[str, Plant] = {
    "what dead processes leased is lost": ignoring(lambda: sql().ledger.return_leases),
    "what a call gives back is lost": ignoring(lambda: sql().ledger.reduce_leases),
    "a lost call is in no ledger": ignoring(lambda: sql().ledger.last_attempt),
    "old leases live on in a new period": ignoring(lambda: sql().ledger.void_leases),
}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS.keys())
def test_a_store_that_does_wrong_is_found(plant: Plant) -> None:
    """Within a few seeds, so that a promise that is kept here means something."""
    assert any(play(seed, plant=plant).failure for seed in range(30))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_what_is_broken_on_purpose_is_there(mutation: Mutation) -> None:
    """Once in the source, so that `python -m tests.simulation.mutations` breaks what it says."""
    assert (SOURCE / mutation.file).read_text().count(mutation.old) == 1
