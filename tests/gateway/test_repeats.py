"""Turns: each ends exactly once, whatever the store and the caller do."""

import asyncio
from datetime import timedelta

import pytest

from tollbar.domain.errors import Overloaded
from tollbar.domain.repeats import Keeping, KeptAnswer, Repeatable
from tollbar.gateway.repeats import Repeats

pytestmark = pytest.mark.anyio

CALL = Repeatable("key:a", b"name", b"digest", "r1")


class AwayStore:
    """A store that can be away, and slow."""

    def __init__(self) -> None:
        self.is_away = self.is_silent = False
        self.kept: dict[bytes, KeptAnswer] = {}
        self.under_way: set[bytes] = set()
        self.gate = asyncio.Event()
        self.asked = asyncio.Event()
        self.gate.set()

    async def begin(self, call: Repeatable) -> KeptAnswer | None:
        """Gives the turn, then waits at the gate as a commit would."""
        self._check()
        answer = self.kept.get(call.name)
        if answer is None:
            self.under_way.add(call.name)
        self.asked.set()
        await self.gate.wait()
        return answer

    async def settle(self, keeping: Keeping | None) -> None:
        """Keeps an answer, as the settlement of its call does."""
        self._check()
        if keeping is not None:
            self.under_way.discard(keeping.call.name)
            self.kept[keeping.call.name] = keeping.answer

    async def free(self, call: Repeatable) -> None:
        """Frees the name."""
        self._check()
        if self.is_silent:
            raise TimeoutError
        self.under_way.discard(call.name)

    def _check(self) -> None:
        if self.is_away:
            raise Overloaded("away")


@pytest.fixture
def store() -> AwayStore:
    """One that is there."""
    return AwayStore()


@pytest.fixture
def repeats(store: AwayStore) -> Repeats:
    """Turns over it."""
    return Repeats(store, timedelta(days=1), 100)


async def test_a_turn_ends_with_its_answer(repeats: Repeats, store: AwayStore) -> None:
    """The next call is given it, and its block leaves it alone."""
    async with repeats.turn(CALL) as turn:
        await turn.keep(200, [("a", "b")], b"said", store.settle)
    async with repeats.turn(CALL) as again:
        assert again.kept == KeptAnswer("r1", 200, (("a", "b"),), b"said")
    assert store.kept[b"name"] == again.kept


async def test_a_failure_frees_the_name(repeats: Repeats, store: AwayStore) -> None:
    """An answer that comes after the block is not kept."""
    with pytest.raises(ValueError, match="failed"):
        async with repeats.turn(CALL) as turn:
            raise ValueError("failed")
    await turn.keep(200, [], b"late", store.settle)
    assert (store.kept, store.under_way) == ({}, set())


async def test_what_the_store_could_not_take_is_owed(repeats: Repeats, store: AwayStore) -> None:
    """Neither kept nor settled; the name is freed as soon as the store is back."""
    for ends in (True, False):
        async with repeats.turn(CALL) as turn:
            store.is_away = True
            if ends:
                with pytest.raises(Overloaded):  # then it is not charged, either
                    await turn.keep(200, [], b"said", store.settle)
        assert store.under_way == {b"name"}
        with pytest.raises(Overloaded):
            await repeats.tick()
        store.is_away = False
        await repeats.tick()
        assert (store.kept, store.under_way) == ({}, set())


async def test_who_leaves_while_the_turn_is_given_leaves_nothing(repeats: Repeats, store: AwayStore) -> None:
    """Nobody knows whether it was given: it is freed."""
    store.gate.clear()
    entering = asyncio.create_task(repeats.turn(CALL).__aenter__())
    await store.asked.wait()
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    await repeats.tick()
    assert store.under_way == set()


async def test_a_store_that_says_nothing_fails_no_call(repeats: Repeats, store: AwayStore) -> None:
    """The turn is owed, and the call ends as it did."""
    async with repeats.turn(CALL):
        store.is_silent = True
    store.is_silent = False
    assert store.under_way == {CALL.name}
    await repeats.tick()
    assert not store.under_way
