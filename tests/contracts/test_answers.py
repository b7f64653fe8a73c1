"""What every implementation of the `AnswerStore` port promises."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.stores import STORES, keep
from tests.storage.making import StepClock
from tollbar.domain.errors import CallUnderWay, OtherCall
from tollbar.domain.repeats import KeptAnswer, Repeatable
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


def a_call(number: int = 1, **fields: object) -> Repeatable:
    """The how manyth of the same calls."""
    return Repeatable("key:a", b"name", b"digest", f"r{number}")._replace(**fields)  # type: ignore[arg-type]


def an_answer(number: int = 1) -> KeptAnswer:
    """What that call was answered."""
    return KeptAnswer(f"r{number}", 200, (("content-type", "text/plain"),), b"\x00bytes\xff")


@pytest.fixture
def clock() -> StepClock:
    """The time of the store."""
    return StepClock()


@pytest.fixture(params=sorted(STORES))
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: StepClock) -> AsyncIterator[Storage]:
    """One implementation after the other, new."""
    async with STORES[request.param](tmp_path, clock) as storage:
        yield storage


async def test_of_many_at_once_one_has_its_turn(store: Storage) -> None:
    """The others are told so, until its answer is there for all of them."""
    began = await asyncio.gather(*(store.answers.begin(a_call(n)) for n in range(50)), return_exceptions=True)
    assert began.count(None) == 1
    assert {type(told) for told in began} == {type(None), CallUnderWay}
    first = began.index(None)
    await keep(store, a_call(first), an_answer(first), DAY)
    assert [await store.answers.begin(a_call(n)) for n in range(3)] == [an_answer(first)] * 3


async def test_another_request_of_that_name_is_told_apart(store: Storage) -> None:
    """While the first is under way and when it is answered; another caller may have the same name."""
    assert await store.answers.begin(a_call()) is None
    other = a_call(2, digest=b"other")
    with pytest.raises(OtherCall):
        await store.answers.begin(other)
    await keep(store, a_call(), an_answer(), DAY)
    with pytest.raises(OtherCall):
        await store.answers.begin(other)
    assert await store.answers.begin(a_call(3, scope="key:b", digest=b"other")) is None


async def test_a_turn_that_is_freed_is_the_next_ones(store: Storage) -> None:
    """Whatever its request is; and who has no turn any more neither frees nor keeps."""
    assert await store.answers.begin(a_call()) is None
    await store.answers.free(a_call())
    assert await store.answers.begin(a_call(2, digest=b"other")) is None
    await store.answers.free(a_call())
    await keep(store, a_call(), an_answer(), DAY)
    with pytest.raises(CallUnderWay):
        await store.answers.begin(a_call(3, digest=b"other"))


async def test_an_answer_is_forgotten_with_its_time(store: Storage, clock: StepClock) -> None:
    """From then on the call is made anew."""
    assert await store.answers.begin(a_call()) is None
    await keep(store, a_call(), an_answer(), DAY)
    clock.advance(DAY.total_seconds() - 1)
    assert await store.answers.begin(a_call(2)) == an_answer()
    clock.advance(2)
    assert await store.answers.begin(a_call(3)) is None
