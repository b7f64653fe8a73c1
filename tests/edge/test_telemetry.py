"""The memory of the process, as headers: read seldom, and only when somebody is answered."""

import sys
from mmap import PAGESIZE, mmap

import pytest

from tollbar.edge.telemetry import MEBIBYTE, SAMPLE_SECONDS, Memory, resident_bytes


class Readings:
    """Memory that is as large as the test says."""

    def __init__(self, *megabytes: float | None) -> None:
        self.left = list(megabytes)

    def __call__(self) -> int | None:
        """The next reading."""
        megabytes = self.left.pop(0)
        return None if megabytes is None else int(megabytes * MEBIBYTE)


def test_the_first_answer_has_no_difference() -> None:
    """There is nothing yet to compare with."""
    assert Memory(Readings(78.25)).headers(5.0) == ((b"x-memory-used", b"78.25"), (b"x-memory-delta", b"0.00"))


def test_it_is_read_again_after_a_quarter_of_a_second_and_not_before() -> None:
    """A thousand answers in that time share one reading, the very same bytes."""
    memory = Memory(Readings(10, 12.5, 11))
    first = memory.headers(0.0)
    assert all(memory.headers(step * SAMPLE_SECONDS / 1_000) is first for step in range(1_000))
    assert memory.headers(SAMPLE_SECONDS) == ((b"x-memory-used", b"12.50"), (b"x-memory-delta", b"2.50"))
    assert memory.headers(SAMPLE_SECONDS * 3) == ((b"x-memory-used", b"11.00"), (b"x-memory-delta", b"-1.50"))


def test_nothing_is_told_where_the_system_does_not_say() -> None:
    """No figure is better than an invented one; and a reading that fails once is made up for later."""
    memory = Memory(Readings(20, None, 21))
    memory.headers(0.0)
    assert memory.headers(1.0) == ()
    assert memory.headers(2.0) == ((b"x-memory-used", b"21.00"), (b"x-memory-delta", b"1.00"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system tells the peak alone")
def test_what_is_taken_is_seen() -> None:
    """Forty megabytes more are forty megabytes more, and less again when they are given back.

    They come from the system itself: what this process freed before may be used again, and is no more than it was.
    """
    before = resident_bytes()
    assert before is not None
    with mmap(-1, 40 * MEBIBYTE) as taken:
        for place in range(0, len(taken), PAGESIZE):
            taken[place] = 1
        during = resident_bytes()
    assert during is not None
    assert 30 * MEBIBYTE < during - before < 60 * MEBIBYTE
    assert (resident_bytes() or 0) < during - 20 * MEBIBYTE
