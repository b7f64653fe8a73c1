"""How an operation of the store ended, for whoever waits for it. It belongs to the event loop."""

import asyncio


class Ending:
    """Tells whoever waits for an operation how it ended, or that nobody knows that for the moment (`doubt`)."""

    __slots__ = ("_waiters", "doubt", "fault", "is_over")

    def __init__(self) -> None:
        self._waiters: tuple[asyncio.Future[None], ...] = ()
        self.fault: Exception | None = None
        self.doubt: Exception | None = None
        self.is_over = False

    async def wait(self) -> None:
        """Returns when the operation is durable; raises Overloaded when it failed, or when that cannot be told now.

        Cancelling it changes nothing.
        """
        if not self.is_over and self.doubt is None:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters += (waiter,)
            await waiter
        fault = self.fault if self.is_over else self.doubt
        if fault is not None:
            raise fault

    def doubted(self, fault: Exception) -> None:
        """Nobody knows how it ends until the store is back: those who wait are told now, and it ends as it will."""
        self.doubt = fault
        self._wake()

    def tell(self) -> None:
        """Wakes those who wait."""
        self.is_over = True
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters = ()


SETTLED = Ending()
"""The end of every settlement that is durable."""
SETTLED.tell()
