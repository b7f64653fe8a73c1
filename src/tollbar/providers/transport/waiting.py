"""Those who wait for the first word of an answer, and until when; one timer for them all.

Setting a timer for each call and taking it back costs more than the rest of the waiting, for nearly none ever rings.
"""

import asyncio
from math import inf

from aiohttp.client_proto import ResponseHandler

EARLY_SECONDS = 0.001
"""A timer may ring so much too early: uvloop counts in whole milliseconds."""


class Waiting:
    """Connections by the moment until which they wait, in the loop's seconds; then a TimeoutError is set on them."""

    __slots__ = ("_loop", "_rings_at", "_timer", "_until")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._until: dict[ResponseHandler, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = inf

    def add(self, connection: ResponseHandler, until: float) -> None:
        """Has a connection wait no longer than allowed, from now on."""
        self._until[connection] = until
        if until < self._rings_at:
            self._set(until)

    def remove(self, connection: ResponseHandler) -> None:
        """It waits no more; nothing happens to one that did not."""
        self._until.pop(connection, None)

    def _set(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = moment
        self._timer = self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        """Ends the waiting of those whose time is over; who came since waits for the next time."""
        now = self._loop.time() + EARLY_SECONDS
        self._rings_at = inf
        for connection in [one for one, until in self._until.items() if until <= now]:
            del self._until[connection]
            connection.set_exception(TimeoutError())
        if self._until:
            self._set(min(self._until.values()))
