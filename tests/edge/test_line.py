"""The way back to a caller, and the watch for its leaving."""

import asyncio

import pytest

from tollbar.edge.line import Departure, Line, Message, Presence

pytestmark = pytest.mark.anyio


class Wire:
    """Both ends of a connection: what was sent, and what the caller does."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.may_send = asyncio.Event()
        self.may_send.set()

    async def send(self, message: Message) -> None:
        """Takes a message when the caller reads."""
        await self.may_send.wait()
        self.sent.append(message)

    def leave(self) -> None:
        """The caller closes the connection."""
        self.incoming.put_nowait({"type": "http.disconnect"})


async def test_a_whole_answer_tells_its_length() -> None:
    """Status, headers with the length, body, in two messages."""
    wire = Wire()
    line = Line(wire.send)
    await line.whole(404, [(b"a", b"b")], b"gone")
    assert wire.sent == [
        {"type": "http.response.start", "status": 404, "headers": [(b"a", b"b"), (b"content-length", b"4")]},
        {"type": "http.response.body", "body": b"gone"},
    ]
    assert line.status == 404


async def test_an_answer_in_pieces_is_started_once_and_ended_once() -> None:
    """`has_started` turns with the status, and the end carries no bytes."""
    wire = Wire()
    line = Line(wire.send)
    assert line.has_started is False
    await line.start(200, [])
    assert line.has_started is True
    await line.say(b"one")
    await line.end()
    assert wire.sent[1:] == [
        {"type": "http.response.body", "body": b"one", "more_body": True},
        {"type": "http.response.body", "body": b""},
    ]


async def test_a_line_is_busy_while_the_caller_does_not_read() -> None:
    """Nobody else may speak into a piece that is on its way, and a failed one frees the line."""
    wire = Wire()
    line = Line(wire.send)
    wire.may_send.clear()
    task = asyncio.ensure_future(line.say(b"one"))
    await asyncio.sleep(0)
    assert line.is_idle is False
    task.cancel()
    await asyncio.wait([task])
    assert line.is_idle is True


async def test_a_caller_who_leaves_cancels_the_work_and_only_that() -> None:
    """The block is left quietly, its own clean-up having run, and the task lives on uncancelled."""
    wire = Wire()
    steps: list[str] = []
    with Departure(wire.incoming.get) as departure:
        departure.watch()
        wire.leave()
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("cleaned up")
    task = asyncio.current_task()
    assert steps == ["cleaned up"]
    assert departure.has_left is True
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_a_cancellation_from_outside_goes_through() -> None:
    """A server that stops is not mistaken for a caller who leaves."""
    wire = Wire()
    began = asyncio.Event()

    async def work() -> None:
        with Departure(wire.incoming.get) as departure:
            departure.watch()
            began.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(work())
    await began.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() is True


async def test_an_error_of_the_work_is_not_swallowed() -> None:
    """Also when the caller has left meanwhile."""
    wire = Wire()

    async def work() -> None:
        with Departure(wire.incoming.get) as departure:
            departure.watch()
            wire.leave()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ValueError("mine") from None

    with pytest.raises(ValueError, match="mine"):
        await work()


async def test_what_comes_after_the_body_is_ignored_until_the_caller_leaves() -> None:
    """A stray message is no departure."""
    wire = Wire()
    with Departure(wire.incoming.get) as departure:
        departure.watch()
        wire.incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        await asyncio.sleep(0.01)
        assert departure.has_left is False


async def test_after_stop_nobody_listens() -> None:
    """An answer that is whole cannot be cancelled any more by a caller who has it."""
    wire = Wire()
    with Departure(wire.incoming.get) as departure:
        departure.watch()
        departure.stop()
        wire.leave()
        await asyncio.sleep(0.01)
    assert departure.has_left is False
    assert wire.incoming.qsize() == 1


async def test_silence_is_noticed_again_and_again() -> None:
    """The word to a waiting caller is said after each stretch of silence, and leaving still counts between them."""
    wire = Wire()
    said: list[int] = []

    async def reassure() -> None:
        said.append(len(said))
        if len(said) == 3:
            wire.leave()

    with Departure(wire.incoming.get) as departure:
        departure.reassure(reassure, 0.001)
        await asyncio.Event().wait()
    assert said == [0, 1, 2]
    assert departure.has_left is True


async def test_our_own_server_tells_of_a_departure_without_a_task() -> None:
    """Whoever watches is called once, at the moment; who was forgotten is not."""
    presence = Presence()
    wire = Wire()
    with Departure(wire.incoming.get, presence) as departure:
        departure.watch()
        asyncio.get_running_loop().call_soon(presence.end)
        await asyncio.Event().wait()
    assert departure.has_left is True
    assert wire.incoming.qsize() == 0


async def test_a_caller_who_left_before_anybody_watched_is_noticed() -> None:
    """The body was read, and then the connection broke: there will be no second sign of it."""
    presence = Presence()
    presence.end()
    with Departure(Wire().incoming.get, presence) as departure:
        departure.watch()
        await asyncio.Event().wait()
    assert departure.has_left is True


async def test_after_stop_our_own_server_calls_nobody() -> None:
    """An answer that is whole cannot be cancelled any more."""
    presence = Presence()
    with Departure(Wire().incoming.get, presence) as departure:
        departure.watch()
        departure.stop()
        presence.end()
        await asyncio.sleep(0)
    assert departure.has_left is False
