"""How an operation of the store ended, for whoever waits for it. It belongs to the event loop."""

import asyncio


class Ending:
    """Tells whoever waits for an operation how it ended."""

    __slots__ = ("_waiters", "fault", "is_over")

    def __init__(self) -> None:
        self._waiters: tuple[asyncio.Future[None], ...] = ()
        self.fault: Exception | None = None
        self.is_over = False

    async def wait(self) -> None:
        """Returns when the operation is durable; raises Overloaded when it failed. Cancelling it changes nothing."""
        if not self.is_over:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters += (waiter,)
            await waiter
        if self.fault is not None:
            raise self.fault

    def tell(self) -> None:
        """Wakes those who wait."""
        self.is_over = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters = ()


SETTLED = Ending()
"""The end of every settlement that is durable."""
SETTLED.tell()
