"""Who may have responses that are kept, and how large they may be."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.making import PRINCIPAL
from tollbar.domain.errors import NotFound, Overloaded, UnknownResponse
from tollbar.domain.identity import KeyKind
from tollbar.domain.responses import KeptResponse, Thread
from tollbar.gateway.responses import Responses

pytestmark = pytest.mark.anyio

RESPONSE = KeptResponse("key", "r1", None, "lab", "m", b"[1]", b"{}")
NOBODY = replace(PRINCIPAL, kind=KeyKind.ANONYMOUS)


class FakeStore:
    """A store in memory."""

    def __init__(self, is_away: bool = False) -> None:
        self.kept: dict[tuple[str, str], KeptResponse] = {}
        self.is_away = is_away

    async def keep(self, response: KeptResponse, keep_for: timedelta, thread: Sequence[str] = ()) -> None:
        """See `ports.ResponseStore`."""
        if self.is_away:
            raise Overloaded("away")
        self.kept[response.key_id, response.id] = response

    async def find(self, key_id: str, response_id: str) -> KeptResponse | None:
        """See `ports.ResponseStore`."""
        return self.kept.get((key_id, response_id))

    async def thread(self, key_id: str, response_id: str, most_bytes: int) -> Thread | None:
        """See `ports.ResponseStore`."""
        found = await self.find(key_id, response_id)
        return Thread((found,)) if found else None

    async def remove(self, key_id: str, response_id: str) -> None:
        """See `ports.ResponseStore`."""
        self.kept.pop((key_id, response_id), None)


async def test_what_is_too_large_is_kept_by_its_name_alone() -> None:
    """Its provider can still be asked to go on from it; nobody can look at it."""
    responses = Responses(FakeStore(), timedelta(days=1), most_bytes=4)
    assert await responses.keep(RESPONSE, ())
    thread = await responses.thread(PRINCIPAL, "r1", 100)
    assert (thread.turns[0].provider, thread.is_complete) == ("lab", False)
    with pytest.raises(NotFound) as fault:
        await responses.get(PRINCIPAL, "r1")
    assert "responses.max_bytes" in fault.value.hint


async def test_callers_without_a_key_have_none() -> None:
    """They are many people; nor has anybody what was never kept."""
    store = FakeStore()
    responses = Responses(store, timedelta(days=1), most_bytes=100)
    await responses.keep(RESPONSE, ())
    for principal, name in ((NOBODY, "r1"), (PRINCIPAL, "r2")):
        with pytest.raises(UnknownResponse):
            await responses.thread(principal, name, 100)
        for ask in (responses.get, responses.remove):
            with pytest.raises(NotFound):
                await ask(principal, name)
    await responses.remove(PRINCIPAL, "r1")
    assert not store.kept


async def test_what_cannot_be_kept_spoils_nothing() -> None:
    """A store that is away, or a provider that gives one id again and again."""
    away = Responses(FakeStore(is_away=True), timedelta(days=1), most_bytes=100)
    assert not await away.keep(RESPONSE, ())
    assert not await Responses(FakeStore(), timedelta(days=1), 100).keep(RESPONSE, ("r0", "r1"))
