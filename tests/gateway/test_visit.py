"""A call while it lasts."""

import asyncio

import pytest

from tests.making import PRINCIPAL, a_request, a_visit, an_arrival
from tollbar.domain.errors import NotAllowed, Overloaded
from tollbar.gateway.visit import Visit

pytestmark = pytest.mark.anyio


async def test_the_first_interruption_counts() -> None:
    """The call's task is cancelled once, and the caller is told the first reason."""

    async def call() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    visit = Visit(an_arrival(), PRINCIPAL, task)
    first = NotAllowed("The key was revoked.")
    visit.interrupt(first)
    visit.interrupt(Overloaded("We are going down."))
    assert task.cancelling() == 1
    assert visit.interruption is first
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_call_without_a_task_cannot_be_interrupted() -> None:
    """There is nothing to cancel, so nothing is noted either."""
    visit = a_visit()
    visit.interrupt(Overloaded("We are going down."))
    assert visit.interruption is None


async def test_content_is_delivered_once_its_moment_is_known() -> None:
    """Even if that moment is the clock's zero; but an answer that is not streamed goes as a whole or not at all."""
    assert not a_visit().has_delivered
    assert a_visit(first_token_at=0.0).has_delivered
    assert not a_visit(first_token_at=0.0, request=a_request(stream=False)).has_delivered
