"""Responses that are kept for the keys that they were made with: who may have them, how large, for how long.

Only what was answered to its end, and is settled, is kept; a response that cannot be is forgotten, and the call is none
the worse for it. Callers without a key have nothing kept: they are one principal and many people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

from tollbar.domain.errors import NotFound, Overloaded, UnknownResponse, UpstreamRejected
from tollbar.domain.identity import KeyKind, Principal
from tollbar.domain.responses import KeptResponse, Thread
from tollbar.ports.calls import ResponseStore
from tollbar.ports.providers import Storehouse


@dataclass(frozen=True, slots=True)
class Responses:
    """Keeps responses for `keep_for`; of those of more than `most_bytes` only who may go on from them.

    `houses` are the providers that keep some, too.
    """

    store: ResponseStore
    keep_for: timedelta
    most_bytes: int
    houses: Mapping[str, Storehouse] = field(default_factory=dict)

    async def thread(self, principal: Principal, response_id: str, most_bytes: int) -> Thread:
        """What a request of that caller goes on from, as far as it is kept; raises UnknownResponse, Overloaded."""
        thread = await self.store.thread(principal.key_id, response_id, most_bytes) if may_keep(principal) else None
        if thread is None:
            raise unknown(response_id)
        return thread

    async def keep(self, response: KeptResponse, thread: Sequence[str]) -> bool:
        """Keeps a response for its key; says whether it is kept."""
        if response.id in thread:
            return False  # a provider that gives one id twice would make a circle of it
        if len(response.items) + len(response.document) > self.most_bytes:
            response = response._replace(items=b"", document=b"")
        try:
            await self.store.keep(response, self.keep_for, thread)
        except Overloaded:
            return False
        return True

    async def get(self, principal: Principal, response_id: str) -> KeptResponse:
        """A response of that caller's, with its content; raises NotFound, Overloaded."""
        found = await self.store.find(principal.key_id, response_id) if may_keep(principal) else None
        if found is None:
            raise missing(response_id)
        if not found.is_whole:
            raise NotFound(
                f"The content of the response {response_id[:100]!r} was too large to be kept.",
                hint="The setting 'responses.max_bytes' says how large one may be.",
            )
        return found

    async def remove(self, principal: Principal, response_id: str) -> None:
        """Forgets a response of that caller's, here and at its provider; raises NotFound, UpstreamError, Overloaded."""
        found = await self.store.find(principal.key_id, response_id) if may_keep(principal) else None
        if found is None:
            raise missing(response_id)
        house = self.houses.get(found.provider or "")
        if house is not None:
            try:
                async with house.ask("DELETE", f"/responses/{quote(response_id, safe='')}") as answer:
                    await answer.read()
            except UpstreamRejected as fault:
                if fault.upstream_status != NotFound.status:
                    raise
        await self.store.remove(principal.key_id, response_id)


def may_keep(principal: Principal) -> bool:
    """Whether anything is kept for a caller."""
    return principal.kind is not KeyKind.ANONYMOUS


def unknown(response_id: str) -> UnknownResponse:
    """What a caller is told whose request goes on from nothing that its key has."""
    return UnknownResponse(
        f"This key has no response {response_id[:100]!r} to go on from.",
        field="previous_response_id",
        hint="Only complete ones are kept, without 'store': false, and for so long as 'responses.keep_days' says.",
    )


def missing(response_id: str) -> NotFound:
    """What a caller is told who asks for a response that its key does not have."""
    return NotFound(f"This key has no response {response_id[:100]!r}.", hint="It may be too old, or was never kept.")
