"""The queue before a model: fair between keys, bounded, and left at once."""

import asyncio
from collections import Counter

import pytest

from tollbar.domain.errors import UpstreamFull
from tollbar.domain.place import Place
from tollbar.providers.local.queue import FairQueue, Turn

pytestmark = pytest.mark.anyio


class Line:
    """A queue, its clock, and the callers who were served, in order."""

    def __init__(self, capacity: int = 1, room: int = 100) -> None:
        self.now = 0.0
        self.queue = FairQueue("tiny", capacity, room, lambda: self.now)
        self.served: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, caller: str, weight: float = 1.0, seconds: float = 1.0) -> Place:
        """A call comes, and stands where it is told."""
        place = Place()
        self.tasks.append(asyncio.create_task(self._call(caller, weight, seconds, place)))
        await asyncio.sleep(0)
        return place

    async def _call(self, caller: str, weight: float, seconds: float, place: Place) -> None:
        turn = await self.queue.take(caller, weight, place)
        self.served.append(caller)
        await asyncio.sleep(0)
        self.now += seconds
        turn.end()

    async def served_to_the_end(self) -> str:
        """Who was served, when all were."""
        await asyncio.gather(*self.tasks)
        return "".join(self.served)


async def taken(queue: FairQueue) -> Turn:
    """A turn of somebody else."""
    return await queue.take("other", 1.0, Place())


async def test_keys_take_turns() -> None:
    """A crowd of one key does not hold up the single call of another."""
    line = Line()
    turn = await taken(line.queue)
    for caller in "aaaaab":
        await line.come(caller)
    turn.end()
    assert await line.served_to_the_end() == "abaaaa"


async def test_a_weight_of_two_is_served_twice_as_often() -> None:
    """While both wait."""
    line = Line()
    turn = await taken(line.queue)
    for _ in range(20):
        await line.come("a", weight=1.0)
        await line.come("b", weight=2.0)
    turn.end()
    served = await line.served_to_the_end()
    assert Counter(served[:15]) == {"a": 5, "b": 10}


async def test_so_many_go_at_once() -> None:
    """And not one more, until one of them ends."""
    queue = FairQueue("tiny", 2, 10, lambda: 0.0)
    first, second = await taken(queue), await taken(queue)
    third = asyncio.create_task(taken(queue))
    await asyncio.sleep(0)
    assert (queue.active, queue.waiting, third.done()) == (2, 1, False)
    first.end()
    await third
    assert (queue.active, queue.waiting) == (2, 0)
    first.end()  # a second end is none
    assert queue.active == 2
    second.end()
    third.result().end()
    assert queue.active == 0


async def test_places_and_estimates() -> None:
    """A call is told where it stands; the wait is what calls took lately, shared by those that go at once."""
    line = Line(capacity=1)
    turn = await taken(line.queue)
    places = [await line.come(caller) for caller in "aab"]
    assert [place.position for place in places] == [1, 2, 2]
    assert [place.seconds for place in places] == [2.0, 4.0, 4.0]
    line.now = 100.0
    turn.end()
    await line.served_to_the_end()
    place = Place()
    (await line.queue.take("a", 1.0, place)).end()
    assert (place.position, place.seconds) == (0, 0.0)


async def test_a_full_queue_says_when_to_come_back() -> None:
    """With the estimate and the names of the settings; nobody's place is lost by it."""
    line = Line(capacity=2, room=1)
    turns = [await taken(line.queue), await taken(line.queue)]
    await line.come("a")
    with pytest.raises(UpstreamFull, match="1 calls wait for tiny already") as told:
        await taken(line.queue)
    assert told.value.retry_after_seconds == 2.0
    assert "local.queue" in told.value.hint
    assert told.value.details == {"waiting": 1, "estimated_seconds": 2.0}
    for turn in turns:
        turn.end()
    assert await line.served_to_the_end() == "a"


async def test_who_leaves_is_no_longer_in_line() -> None:
    """Its place is free at once, and its turn goes to the next."""
    line = Line(room=2)
    turn = await taken(line.queue)
    await line.come("a")
    await line.come("b")
    line.tasks[0].cancel()
    await asyncio.sleep(0)
    assert line.queue.waiting == 1
    await line.come("c")
    turn.end()
    await asyncio.gather(*line.tasks, return_exceptions=True)
    assert line.served == ["b", "c"]


async def test_a_turn_that_comes_as_its_caller_leaves_is_not_lost() -> None:
    """Given and given up in the same moment, it goes on to the next."""
    line = Line()
    turn = await taken(line.queue)
    await line.come("a")
    await line.come("b")
    turn.end()
    line.tasks[0].cancel()
    await asyncio.gather(*line.tasks, return_exceptions=True)
    assert line.served == ["b"]
    assert (line.queue.active, line.queue.waiting) == (0, 0)


async def test_a_held_queue_gives_no_turns() -> None:
    """Until it goes on; `idle` waits for those who have one."""
    line = Line(capacity=2)
    turn = await taken(line.queue)
    line.queue.hold()
    await line.come("a")
    waiting = asyncio.create_task(line.queue.idle())
    await asyncio.sleep(0)
    assert (line.queue.active, line.queue.waiting, waiting.done()) == (1, 1, False)
    turn.end()
    await waiting
    assert line.served == []
    line.queue.resume()
    assert await line.served_to_the_end() == "a"


async def test_callers_are_forgotten() -> None:
    """Nothing is kept of who was served once nobody waits."""
    line = Line()
    for caller in "abcdef":
        await line.come(caller)
    await line.served_to_the_end()
    for caller in "ghi":
        (await line.queue.take(caller, 1.0, Place())).end()
    assert len(line.queue._tags) <= 1
