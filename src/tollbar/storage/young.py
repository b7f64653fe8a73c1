"""Holds that are not written yet, because their calls are young.

The row of a hold serves one case, that its process dies before the call ends. A call that is over in a moment needs
none, and costs one write in place of three. A hold is written once it is between one and two `AGE_SECONDS` old; and at
once where its answer is about to begin, which only a durable hold may.
"""

import asyncio
from collections.abc import Callable

from tollbar.domain.records import LedgerEntry
from tollbar.storage.operations import Held

AGE_SECONDS = 0.02
"""Hardly a model has answered by then, and a process that dies loses the estimates of that moment's calls only."""

Estimate = Callable[[], LedgerEntry]
"""Makes the line to be written should the process die before the call ends."""


class Young:
    """Young holds of this process, with their estimates; `write` is called on the event loop, and raises nothing."""

    def __init__(self, write: Callable[[Held], None]) -> None:
        self._write = write
        self._new: dict[Held, Estimate] = {}
        self._older: dict[Held, Estimate] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, held: Held, estimate: Estimate) -> None:
        """Keeps one back for a while."""
        self._new[held] = estimate
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AGE_SECONDS, self._turn)

    def forget(self, held: Held) -> None:
        """Its call is over: it needs no row any more."""
        if self._new.pop(held, None) is None:
            self._older.pop(held, None)

    def hurry(self, held: Held) -> None:
        """Writes it now, if it is one of these; and all others, for where one answer begins more do."""
        if held in self._new or held in self._older:
            self.write_all()

    def write_all(self) -> None:
        """Writes all of them."""
        older, self._older = self._older, {}
        new, self._new = self._new, {}
        self._write_each(older)
        self._write_each(new)

    def _write_each(self, estimates: dict[Held, Estimate]) -> None:
        for held, estimate in estimates.items():
            held.estimate = estimate()
            self._write(held)

    def _turn(self) -> None:
        older, self._older, self._new = self._older, self._new, {}
        self._write_each(older)
        self._timer = asyncio.get_running_loop().call_later(AGE_SECONDS, self._turn) if self._older else None
