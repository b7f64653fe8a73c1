"""Calls with an `Idempotency-Key`: each is answered once, and whoever sends it again is given the same answer.

A call has its turn for as long as the block lasts. It ends with the answer kept, which is durable with the charge, and
not without it, before its last byte goes out; or with the name free for another try. A turn that could not be ended,
because the store was away, is owed, and ended by `tick`; one whose process died is over with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tollbar.domain.errors import Overloaded
from tollbar.domain.repeats import Keeping, KeptAnswer, Repeatable
from tollbar.gateway.hold import EXIT_SECONDS, to_the_end
from tollbar.ports.calls import AnswerStore

Settle = Callable[[Keeping | None], Awaitable[None]]


@dataclass(slots=True)
class Repeats:
    """Gives the turns. Answers are kept for `keep_for`; those of more than `most_bytes` are not."""

    store: AnswerStore
    keep_for: timedelta
    most_bytes: int
    _owed: list[Repeatable] = field(default_factory=list)

    def turn(self, call: Repeatable) -> "Turn":
        """A block in which the call is answered; entering raises CallUnderWay, OtherCall or Overloaded."""
        return Turn(self, call)

    async def tick(self) -> None:
        """Ends the turns that are owed; the app calls this every few seconds. Raises Overloaded."""
        while self._owed:
            await self.store.free(self._owed[0])
            self._owed.pop(0)

    async def end(self, call: Repeatable) -> None:
        """Frees the name, now or later."""
        try:
            await self.store.free(call)
        except Overloaded:
            self.owe(call)

    def owe(self, call: Repeatable) -> None:
        """Has the name freed later."""
        self._owed.append(call)


class Turn:
    """The block of one call. `kept` is the answer that there is already; without it the call has to be made."""

    __slots__ = ("_call", "_is_open", "_repeats", "kept")

    def __init__(self, repeats: Repeats, call: Repeatable) -> None:
        self._repeats = repeats
        self._call = call
        self._is_open = False
        self.kept: KeptAnswer | None = None

    @property
    def most_bytes(self) -> int:
        """How long an answer may be that is kept."""
        return self._repeats.most_bytes

    async def __aenter__(self) -> "Turn":
        try:
            self.kept = await self._repeats.store.begin(self._call)
        except (asyncio.CancelledError, Overloaded):
            self._repeats.owe(self._call)  # nobody knows whether the turn was given
            raise
        self._is_open = self.kept is None
        return self

    async def __aexit__(self, kind: object, fault: object, trace: object) -> None:
        if self._is_open:
            self._is_open = False
            try:
                await to_the_end(self._repeats.end(self._call), EXIT_SECONDS)
            except TimeoutError:  # the store says nothing, or the process stood still: the call has its own ending
                self._repeats.owe(self._call)

    async def keep(self, status: int, head: Sequence[tuple[str, str]], body: bytes, settle: Settle) -> None:
        """Ends the turn with a complete answer, in the one transaction in which its call is settled.

        Raises Overloaded when the store cannot take them: then there is neither, and the block frees the name.
        """
        answer = KeptAnswer(self._call.request_id, status, tuple(head), body)
        await settle(Keeping(self._call, answer, self._repeats.keep_for) if self._is_open else None)
        self._is_open = False
