"""Very many calls at the same moment, each on a connection of its own, from one loop."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import aiohttp


class Told(NamedTuple):
    """What one call was told: status, headers and body; status 0 where its connection was cut."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def worker(self) -> str:
        """What the ids of one process have in common."""
        return self.headers.get("x-request-id", "")[:-8]


def at_once(url: str, key: str, bodies: Sequence[Mapping[str, Any]], path: str = "/v1/chat/completions") -> list[Told]:
    """The answers to calls that all begin together, in their order."""

    async def call(session: aiohttp.ClientSession, body: Mapping[str, Any]) -> Told:
        try:
            async with session.post(url + path, json=body, headers={"authorization": f"Bearer {key}"}) as answer:
                return Told(
                    answer.status, {name.lower(): text for name, text in answer.headers.items()}, await answer.read()
                )
        except aiohttp.ClientError:
            return Told(0, {}, b"")

    async def all_of_them() -> list[Told]:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            return await asyncio.gather(*(call(session, body) for body in bodies))

    return asyncio.run(all_of_them())
