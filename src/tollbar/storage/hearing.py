"""Who of the other processes has died: whoever's heartbeat did not move while this one watched it for 30 seconds.

Only the watcher's own monotonic clock decides, never a time of day: machines differ in that, it may be set at any
moment, and it goes on while a laptop sleeps. Heartbeats are compared for equality alone; each differs from the one
before. A process whose heartbeat stood still for so long knows by its own clock that it has to stop (ruling 14).
"""

from collections.abc import Iterable

EXPIRY_SECONDS = 30.0
"""Whoever was silent for longer is taken for dead by others, and must not go on either."""

Heard = tuple[int, int, str | None]
"""Another process: its number, its newest heartbeat, its slot."""


class Hearing:
    """What one process has heard of the others."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, float]] = {}

    def silent(self, others: Iterable[Heard], now: float, slot: str | None) -> list[int]:
        """The dead among the others, as the store has them now: those who were silent, and who had this one's slot."""
        before, self._last = self._last, {}
        dead = []
        for number, beat, place in others:
            known = before.get(number)
            since = known[1] if known is not None and known[0] == beat else now
            self._last[number] = (beat, since)
            if now - since > EXPIRY_SECONDS or (slot is not None and place == slot):
                dead.append(number)
        return dead
