"""What every implementation of the `ResponseStore` port promises."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.stores import STORES
from tests.storage.making import StepClock
from tollbar.domain.responses import KeptResponse, Thread
from tollbar.ports.calls import ResponseStore

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
MOST = 1_000


def a_response(name: str, previous: str | None = None, key: str = "a", document: bytes = b"\xff{}") -> KeptResponse:
    """A response of that name."""
    return KeptResponse(key, name, previous, None, "m", b"[]", document)


@pytest.fixture
def clock() -> StepClock:
    """The time of the store."""
    return StepClock()


@pytest.fixture(params=sorted(STORES))
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: StepClock) -> AsyncIterator[ResponseStore]:
    """One implementation after the other, new."""
    async with STORES[request.param](tmp_path, clock) as storage:
        yield storage.responses


async def test_a_response_belongs_to_its_key(store: ResponseStore) -> None:
    """Another key can neither see it, nor go on from it, nor remove it; two may have one of the same name."""
    mine, other = a_response("r1"), a_response("r1", key="b", document=b"other")
    await store.keep(mine, DAY)
    assert await store.find("a", "r1") == mine
    assert await store.find("b", "r1") is None
    assert await store.thread("b", "r1", MOST) is None
    await store.remove("b", "r1")
    await store.keep(other, DAY)
    assert await store.find("a", "r1") == mine
    await store.remove("a", "r1")
    assert (await store.find("a", "r1"), await store.find("b", "r1")) == (None, other)


async def test_a_thread_is_told_from_its_beginning(store: ResponseStore) -> None:
    """As far back as there is something, and as is wanted; what is missing shows."""
    first, second, third = turns = a_response("r1"), a_response("r2", "r1"), a_response("r3", "r2")
    for turn in (*turns, a_response("r2", "r1", key="b")):
        await store.keep(turn, DAY)
    assert await store.thread("a", "r3", MOST) == Thread(turns)
    assert Thread(turns).is_complete
    assert await store.thread("a", "r3", 10) == Thread((second, third))
    await store.remove("a", "r1")
    thread = await store.thread("a", "r3", MOST)
    assert thread == Thread((second, third))
    assert not Thread((second, third)).is_complete
    assert not Thread((first._replace(document=b""),)).is_complete


async def test_a_thread_that_is_gone_on_from_lives_on(store: ResponseStore, clock: StepClock) -> None:
    """All of it, for as long as its last response; what nobody goes on from is over when its time is."""
    await store.keep(a_response("r1"), DAY)
    await store.keep(a_response("r2"), DAY)
    clock.advance(DAY.total_seconds() - 60)
    await store.keep(a_response("r3", "r1"), DAY, ["r1"])
    clock.advance(120)
    assert await store.find("a", "r2") is None
    thread = await store.thread("a", "r3", MOST)
    assert thread is not None
    assert [turn.id for turn in thread.turns] == ["r1", "r3"]


async def test_a_response_that_is_kept_again_is_replaced(store: ResponseStore) -> None:
    """Some providers use an id twice; one that names itself as the one before ends nowhere else."""
    await store.keep(a_response("r1"), DAY)
    await store.keep(a_response("r1", "r1", document=b"new"), DAY)
    thread = await store.thread("a", "r1", 20)
    assert thread is not None
    assert {turn.document for turn in thread.turns} == {b"new"}
    assert len(thread.turns) == 4
