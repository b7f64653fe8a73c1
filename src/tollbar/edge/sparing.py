"""Which of many lines alike are written to the log, where strangers decide how many there are.

Guarantees: the first ones of each second are written, whatever came before; how many were left out since is told with
the next that is. Never: a count that is lost, or a memory that grows with those who ask.
"""

import structlog

from tollbar.domain.errors import GatewayError
from tollbar.gateway.visit import Arrival

MOST = 10
"""Lines of one kind in a second. A person looking for a mistake sees each; a flood is 900 kB an hour at most."""


class Sparing:
    """Counts the lines of one kind in one process."""

    __slots__ = ("_left_out", "_second", "_written")

    def __init__(self) -> None:
        self._second = 0
        self._written = 0
        self._left_out = 0

    def left_out(self, now: float) -> int | None:
        """How many lines were left out before this one; None when this one is left out as well. `now` in seconds."""
        second = int(now)
        if second != self._second:
            self._second, self._written = second, 0
        if self._written >= MOST:
            self._left_out += 1
            return None
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        return left_out

    def tell(self, now: float, arrival: Arrival, error: GatewayError) -> None:
        """Writes that a call was refused before anybody knew whose it was, unless it is left out."""
        left_out = self.left_out(now)
        if left_out is not None:
            told = {"request_id": arrival.request_id, "address": arrival.address, "error": error.code}
            structlog.get_logger("tollbar.access").warning("call.refused", **told, left_out=left_out)
