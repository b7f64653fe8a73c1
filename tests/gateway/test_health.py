"""Circuits open, half open and close; retries are paid from a budget."""

from dataclasses import replace

import pytest

from tests.fakes import FakeClock
from tests.making import BACKUP, TARGET
from tollbar.gateway.health import FAILURES_TO_OPEN, MOST_CIRCUITS, OPEN_SECONDS, RETRY_RESERVE, Health


@pytest.fixture
def clock() -> FakeClock:
    """The time."""
    return FakeClock()


@pytest.fixture
def health(clock: FakeClock) -> Health:
    """Nothing is known yet."""
    return Health(clock)


def fail(health: Health, times: int = FAILURES_TO_OPEN) -> None:
    """So many calls that failed."""
    for _ in range(times):
        health.began(TARGET)
        health.failed(TARGET)


def test_a_target_nobody_called_is_up(health: Health) -> None:
    """Asking changes nothing."""
    assert health.is_up(TARGET)
    assert health.state(TARGET) == "closed"


def test_failures_in_a_row_open_the_circuit(health: Health, clock: FakeClock) -> None:
    """Four are bad luck, five are too many; other targets are not concerned."""
    fail(health, FAILURES_TO_OPEN - 1)
    assert (health.is_up(TARGET), health.state(TARGET)) == (True, "closed")
    fail(health, 1)
    assert (health.is_up(TARGET), health.state(TARGET)) == (False, "open")
    assert health.is_up(BACKUP)
    clock.advance(OPEN_SECONDS - 0.01)
    assert not health.is_up(TARGET)


def test_one_success_forgets_the_failures(health: Health) -> None:
    """They have to be in a row."""
    fail(health, FAILURES_TO_OPEN - 1)
    health.succeeded(TARGET)
    fail(health, FAILURES_TO_OPEN - 1)
    assert health.is_up(TARGET)


def test_one_call_at_a_time_probes_a_half_open_circuit(health: Health, clock: FakeClock) -> None:
    """The first call after the pause goes through, the next ones do not until it has ended."""
    fail(health)
    clock.advance(OPEN_SECONDS)
    assert (health.is_up(TARGET), health.state(TARGET)) == (True, "half-open")
    health.began(TARGET)
    assert (health.is_up(TARGET), health.state(TARGET)) == (False, "half-open")
    clock.advance(OPEN_SECONDS / 2)
    assert not health.is_up(TARGET)


def test_a_probe_that_succeeds_closes_the_circuit(health: Health, clock: FakeClock) -> None:
    """At once, and for everybody."""
    fail(health)
    clock.advance(OPEN_SECONDS)
    health.began(TARGET)
    health.succeeded(TARGET)
    assert (health.is_up(TARGET), health.state(TARGET)) == (True, "closed")
    fail(health, FAILURES_TO_OPEN - 1)
    assert health.is_up(TARGET)


def test_a_probe_that_fails_opens_it_again(health: Health, clock: FakeClock) -> None:
    """For the whole pause, from now on."""
    fail(health)
    clock.advance(OPEN_SECONDS)
    fail(health, 1)
    assert health.state(TARGET) == "open"
    clock.advance(OPEN_SECONDS - 0.01)
    assert not health.is_up(TARGET)
    clock.advance(0.01)
    assert health.is_up(TARGET)


def test_a_probe_that_never_ends_blocks_nobody_for_long(health: Health, clock: FakeClock) -> None:
    """Its caller may have left: after another pause somebody else may try."""
    fail(health)
    clock.advance(OPEN_SECONDS)
    health.began(TARGET)
    clock.advance(OPEN_SECONDS)
    assert health.is_up(TARGET)


def test_a_recovery_is_noticed_within_half_a_minute(health: Health, clock: FakeClock) -> None:
    """The pause is short enough for the goal of thirty seconds, even if one probe fails meanwhile."""
    fail(health)
    clock.advance(OPEN_SECONDS)
    fail(health, 1)
    clock.advance(OPEN_SECONDS)
    assert health.is_up(TARGET)
    assert 2 * OPEN_SECONDS < 30


def test_retries_are_a_fifth_of_the_traffic(health: Health) -> None:
    """After the reserve is used up, a thousand failing calls may be tried again two hundred times."""
    retries = 0
    for _ in range(1_000):
        health.began(TARGET)
        retries += health.may_retry(TARGET)
    assert 200 <= retries <= 200 + RETRY_RESERVE


def test_the_reserve_allows_the_odd_retry_and_is_not_hoarded(health: Health) -> None:
    """A quiet target can be tried again some times in a row, however much traffic it had before."""
    for _ in range(1_000):
        health.began(TARGET)
    assert [health.may_retry(TARGET) for _ in range(12)] == [True] * int(RETRY_RESERVE) + [False] * 2
    assert health.may_retry(BACKUP)


def test_names_that_callers_make_up_are_not_remembered_without_end(health: Health) -> None:
    """Not even if every one of them fails; the newest are remembered."""
    made_up = [replace(TARGET, model=str(number)) for number in range(MOST_CIRCUITS + 10)]
    for target in made_up:
        for _ in range(FAILURES_TO_OPEN):
            health.failed(target)
    known = [target for target in made_up if not health.is_up(target)]
    assert known == made_up[-len(known) :]
    assert MOST_CIRCUITS / 2 <= len(known) <= MOST_CIRCUITS
