"""The thread that writes: one piece of work after the other, told on the event loop."""

import asyncio
import threading

import pytest

from tollbar.storage.scribe import ThreadScribe

pytestmark = pytest.mark.anyio


async def test_work_is_written_elsewhere_and_told_here_in_order() -> None:
    """And all of it, although the scribe was dismissed meanwhile."""
    writing: list[tuple[int, threading.Thread]] = []
    told: list[tuple[int, threading.Thread]] = []
    scribe = ThreadScribe[int]("writer")
    scribe.start(
        lambda work: writing.append((work, threading.current_thread())),
        lambda work: told.append((work, threading.current_thread())),
    )
    for work in range(5):
        scribe.hand(work)
    scribe.dismiss()
    await scribe.ended()
    for _ in range(5):
        await asyncio.sleep(0)
    assert [work for work, _ in writing] == [work for work, _ in told] == list(range(5))
    assert {thread.name for _, thread in writing} == {"writer"}
    assert {thread for _, thread in told} == {threading.current_thread()}
