"""Lines that strangers cause are bounded, and none goes uncounted."""

from tollbar.edge.sparing import MOST, Sparing


def test_so_many_a_second_are_written() -> None:
    """The first of each second, whatever the second before was like."""
    sparing = Sparing()
    for second in (1, 2):
        told = [sparing.left_out(second + number / 1_000) for number in range(100)]
        assert [left is not None for left in told] == [True] * MOST + [False] * (100 - MOST)


def test_the_next_line_tells_how_many_were_left_out() -> None:
    """Once: the lines after it begin at nothing."""
    sparing = Sparing()
    for _ in range(MOST + 7):
        sparing.left_out(1.0)
    assert [sparing.left_out(2.0), sparing.left_out(2.0)] == [7, 0]
