"""What the store decides: how much to hold, how much to lease, all or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.money import Unit
from tollbar.storage.balances import Balance, affordable, decide, lease_size
from tollbar.storage.lease import Lease
from tollbar.storage.operations import Held, Taking, Want


def want(most: int, expected: int | None = None, *, allowance: int = 1, returned: int = 0, leases: bool = True) -> Want:
    """A want of an allowance in the period that starts at 7."""
    expected = most if expected is None else expected
    return Want(Lease(allowance), allowance, Unit.CREDITS, 7, most, expected, returned, leases)


def taking(*wants: Want) -> Taking:
    """A taking of wants."""
    return Taking(Held(1, "r1"), wants, 0, lambda _: None)


def balance(left: int, leased: int = 0, allowance: int = 1) -> Balance:
    """A balance with so much left."""
    return Balance(allowance, left + leased, 0, leased, "never", 7, None)


@pytest.mark.parametrize(
    ("most", "expected", "left", "is_strict", "held"),
    [
        (10, 10, 10, False, 10),
        (10, 10, 9, False, None),
        (10, 4, 9, False, 9),
        (10, 4, 4, False, 4),
        (10, 4, 3, False, None),
        (10, 4, 9, True, None),
        (10, 0, 3, False, 3),
        (10, 0, 0, False, None),
        (0, 0, 0, True, 0),
        (0, 0, -5, False, 0),
        (1, 0, -5, False, None),
    ],
)
def test_how_much_is_held(most: int, expected: int, left: int, is_strict: bool, held: int | None) -> None:
    """The most if it fits; else, unless it must, all that is left if that is expected to do."""
    assert affordable(want(most, expected), left, is_strict) == held


@pytest.mark.parametrize(
    ("most", "left", "leases", "size"),
    [(1, 64, True, 0), (1, 65, True, 16), (1, 2_000, True, 256), (1, 2_000, False, 0), (10, 641, True, 160)],
)
def test_how_much_is_leased(most: int, left: int, leases: bool, size: int) -> None:
    """A quarter of what is left, at most 256 calls' worth, and nothing at the low-water mark."""
    assert lease_size(want(most, leases=leases), left) == size


def test_a_lease_covers_its_call_and_more() -> None:
    """What was leased is gone from the balance; the call holds its part of it."""
    balances, asked = {1: balance(10_000)}, taking(want(10))
    decide(asked, balances, is_strict=False)
    (granted,) = asked.granted
    assert (granted.leased, granted.held, granted.left, balances[1].left) == (2_500, 10, 7_500, 7_500)


def test_nothing_is_taken_when_one_is_refused() -> None:
    """The others' balances are as before, and the refusal says what is left."""
    balances = {1: balance(10_000), 2: balance(5, allowance=2), 3: balance(8, allowance=3)}
    asked = taking(want(10), want(5, allowance=2), want(9, allowance=3))
    decide(asked, balances, is_strict=False)
    assert (asked.granted, [one.left for one in balances.values()]) == ((), [10_000, 5, 8])
    assert asked.refused is not None
    assert (asked.refused.want.allowance, asked.refused.left) == (3, 8)


@pytest.mark.parametrize(("most", "is_granted", "left"), [(8, True, 0), (9, False, 8)])
def test_what_is_given_back_counts(most: int, is_granted: bool, left: int) -> None:
    """What the process returns can be held by the same call, and stays returned if that does not help."""
    balances, asked = {1: balance(5, leased=4)}, taking(want(most, returned=3))
    decide(asked, balances, is_strict=False)
    assert (bool(asked.granted), balances[1].left) == (is_granted, left)


def test_what_is_given_back_of_another_period_is_void() -> None:
    """It was reset with its period."""
    balances = {1: Balance(1, 10, 0, 0, "day", 8, None)}
    decide(taking(want(1, returned=3)), balances, is_strict=False)
    assert balances[1].left == 9


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), max_size=30), st.integers(-5, 900))
def test_whatever_is_asked_nothing_is_oversold(asked: list[tuple[int, int, bool]], left: int) -> None:
    """Over any sequence of takings the balance never falls below zero, and each grant covers its hold."""
    balances = {1: balance(left)}
    for one, other, leases in asked:
        one_taking = taking(want(max(one, other), min(one, other), leases=leases))
        decide(one_taking, balances, is_strict=False)
        assert balances[1].left >= min(0, left)
        for granted in one_taking.granted:
            assert min(one, other) <= granted.held <= max(one, other)
            assert granted.leased >= granted.held
