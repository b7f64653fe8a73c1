"""The memory of this process, as the headers that every answer carries.

Guarantees: it is read when an answer goes out, at most four times a second, by whoever sends that answer: there is no
thread, and a server that answers nobody reads nothing. Between two readings the same bytes are handed out again. Never:
a guess. Where the system does not tell, the headers are left out.
"""

import sys
from collections.abc import Callable
from pathlib import Path

SAMPLE_SECONDS = 0.25
MEBIBYTE = 1_048_576
_STATM = Path("/proc/self/statm")

Pairs = tuple[tuple[bytes, bytes], ...]


class Memory:
    """How much memory this process has, and by how much that changed from one reading to the next."""

    __slots__ = ("_next_at", "_pairs", "_read", "_used_bytes")

    def __init__(self, read: Callable[[], int | None] | None = None) -> None:
        self._read = read or resident_bytes
        self._next_at = float("-inf")
        self._used_bytes: int | None = None
        self._pairs: Pairs = ()

    def headers(self, now: float) -> Pairs:
        """`x-memory-used` and `x-memory-delta`, in MB of 1,048,576 bytes; `now` is in monotonic seconds.

        The difference is to the reading before, which is a quarter of a second old or more.
        """
        if now >= self._next_at:
            self._next_at = now + SAMPLE_SECONDS
            self._sample()
        return self._pairs

    def _sample(self) -> None:
        used = self._read()
        if used is None:
            self._pairs = ()
            return
        delta = used - (used if self._used_bytes is None else self._used_bytes)
        self._used_bytes = used
        self._pairs = (
            (b"x-memory-used", b"%.2f" % (used / MEBIBYTE)),
            (b"x-memory-delta", b"%.2f" % (delta / MEBIBYTE)),
        )


def resident_bytes() -> int | None:
    """The memory of this process that is in RAM; on other systems than Linux its peak; None where nobody says."""
    try:
        return _resident_of(_STATM.read_bytes())
    except (OSError, ValueError, IndexError):
        return _peak_bytes()


def _resident_of(statm: bytes) -> int:
    """The second field of proc(5) `statm`: pages that are resident."""
    import resource

    return int(statm.split()[1]) * resource.getpagesize()


def _peak_bytes() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1_024  # getrusage(2): bytes on macOS, kilobytes elsewhere
