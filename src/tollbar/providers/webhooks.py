"""Brings alerts to their webhook, through the one door to the outside: its rules for addresses and its proxy hold."""

import asyncio
from collections.abc import Mapping

from tollbar.domain.errors import UpstreamFailed, UpstreamTimeout
from tollbar.providers.destinations import url_fault
from tollbar.providers.faults import Peer
from tollbar.providers.transport.fetching import Fetcher, Request

LONGEST_SECONDS = 10.0
_PEER = Peer("The webhook")
_HEADERS = {"content-type": "application/json"}


class Webhooks:
    """`ports.Courier`; `fetcher` is open."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """See `ports.Courier`."""
        if fault := url_fault(url):
            raise UpstreamFailed(f"The webhook's address {fault}.")
        request = Request(url, {**_HEADERS, **headers}, body=body, follows=False)
        try:
            async with asyncio.timeout(LONGEST_SECONDS), self._fetcher.fetch(_PEER, request) as answer:
                return answer.status
        except TimeoutError:
            raise UpstreamTimeout(f"The webhook did not answer within {LONGEST_SECONDS:g} seconds.") from None
