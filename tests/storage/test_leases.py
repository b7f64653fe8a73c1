"""What is decided in memory: holds out of leases, requests for more, and the answers to them."""

from collections.abc import Sequence

from tollbar.domain.errors import Overloaded
from tollbar.domain.identity import AllowanceId
from tollbar.domain.money import Unit
from tollbar.ports.money import Claim
from tollbar.storage.leases import Leases, fetching
from tollbar.storage.operations import Granted, Held, Taking

NUMBERS = iter(range(1, 1_000))


def a_claim(amount: int, allowance: int = 1) -> Claim:
    """A claim of credits."""
    return Claim(AllowanceId(allowance, Unit.CREDITS), amount, amount)


def ask(leases: Leases, *claims: Claim, now: int = 10) -> Taking:
    """A request to the store, for claims that are short."""
    held = Held(next(NUMBERS), "r1")
    short = leases.take(held, claims, 0.0, lambda: now)
    return leases.ask(held, short, now, leases.taken)


def answer(taking: Taking, *leased: int, period: int = 7, ends_at: int | None = None) -> None:
    """The store's answer: so much of each want was leased."""
    taking.granted = [
        Granted(want, amount, want.most, period, ends_at, left=10**6)
        for want, amount in zip(taking.wants, leased, strict=True)
    ]
    taking.finish()


def take(leases: Leases, *claims: Claim, now: int = 10) -> tuple[Held, Sequence[int]]:
    """A hold out of leases, and the allowances that were short."""
    held = Held(next(NUMBERS), "r1")
    short = leases.take(held, claims, 0.0, lambda: now)
    return held, [lease.allowance for lease, _ in short]


def test_what_was_leased_serves_the_next_calls() -> None:
    """The first call is short and has a lease fetched; the others need nobody."""
    leases = Leases()
    answer(ask(leases, a_claim(10)), 25)
    assert [take(leases, a_claim(10))[1] for _ in range(2)] == [[], [1]]


def test_a_request_takes_the_idle_rest_along() -> None:
    """So nothing that could serve the call is missing when the store decides."""
    leases = Leases()
    answer(ask(leases, a_claim(10)), 14)
    (want,) = ask(leases, a_claim(10)).wants
    assert (want.returned, want.period) == (4, 7)
    assert take(leases, a_claim(1))[1] == [1]


def test_a_request_that_failed_puts_everything_back() -> None:
    """The idle rest, what was held out of other leases, and the right to ask."""
    leases = Leases()
    answer(ask(leases, a_claim(10), a_claim(10, allowance=2)), 14, 30)
    failing = ask(leases, a_claim(10), a_claim(10, allowance=2))
    failing.fault = Overloaded("no")
    failing.finish()
    assert take(leases, a_claim(4), a_claim(20, allowance=2))[1] == []


def test_one_request_is_under_way_at_a_time() -> None:
    """Others wait for it, unless so little is left that nothing is leased."""
    leases = Leases()
    first = ask(leases, a_claim(10))
    held = Held(next(NUMBERS), "r1")
    assert fetching(leases.take(held, [a_claim(10)], 0.0, lambda: 10)) is first
    first.refused = Granted(first.wants[0], 0, 0, 7, None, left=5)
    first.finish()
    second = ask(leases, a_claim(1))
    assert not second.wants[0].may_lease
    assert fetching(leases.take(held, [a_claim(1)], 0.0, lambda: 10)) is None


def test_a_lease_ends_with_its_period() -> None:
    """At the end nothing of it serves a call; what old calls give back goes to the old lease."""
    leases = Leases()
    answer(ask(leases, a_claim(10)), 100, ends_at=20)
    old, short = take(leases, a_claim(5), now=19)
    assert short == []
    assert take(leases, a_claim(5), now=20)[1] == [1]
    answer(ask(leases, a_claim(10), now=20), 30, period=20, ends_at=40)
    old.undo()
    new, short = take(leases, a_claim(20), now=21)
    assert (short, new.parts[0].lease.period, new.parts[0].lease.free) == ([], 20, 0)


def test_an_answer_of_an_older_period_serves_its_own_call_only() -> None:
    """It does not bring the period back."""
    leases = Leases()
    late, early = ask(leases, a_claim(10)), ask(leases, a_claim(10))
    answer(early, 30, period=20)
    answer(late, 100, period=7)
    assert late.held.parts[0].lease.period == 7
    assert [take(leases, a_claim(20))[1], take(leases, a_claim(1))[1]] == [[], [1]]


def test_idle_leases_are_found_and_forgotten() -> None:
    """Idle is what nobody used since a moment and has something to give back; forgotten is what has nothing at all."""
    leases = Leases()
    answer(ask(leases, a_claim(10)), 30)
    assert [lease.allowance for lease in leases.idle(unused_since=0.0)] == [1]
    assert list(leases.idle(unused_since=-1.0)) == []
    leases.forget(unused_since=0.0)
    held, short = take(leases, a_claim(20))
    assert short == []
    leases.forget(unused_since=0.0)
    held.undo()
    assert [lease.free for lease in leases.idle(unused_since=0.0)] == [20]
