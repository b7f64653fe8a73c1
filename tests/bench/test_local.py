"""What the benchmark of local models says of its figures."""

import pytest

from bench.local import STREAMS, Measured, median_within, table, verdicts
from bench.streams import Door


def found(pace: float, seconds: float, cost: float) -> dict[tuple[str, int], Measured]:
    """Figures: tokens a second, and what Tollbar takes where others take a second, and 10 µs a token."""
    figures: dict[tuple[str, int], Measured] = {}
    for streams in STREAMS:
        figures["bare engine", streams] = Measured([10.0, 20.0, 30.0], [pace * streams] * 3, [1.0, 2.0, 1.0])
        figures["yardstick", streams] = Measured([11.0], [pace * streams] * 3, [1.0], [10.0, 11.0, 10.0])
        through = [seconds, seconds * 3, seconds]
        figures["Tollbar", streams] = Measured([12.0], [pace * streams] * 3, through, [cost, cost * 1.1, cost])
    return figures


@pytest.mark.parametrize(
    ("pace", "seconds", "cost", "faults"),
    [
        (100.0, 1.01, 14.0, []),
        (100.0, 1.01, 15.0, ["a token costs 1.50 yardsticks, 1.47 are allowed."]),
        (100.0, 1.11, 14.0, ["11.0% slower than the bare engine (11.0% to 66.5%), 2% are allowed."]),
        (1_000.0, 2.0, 14.0, []),
    ],
)
def test_what_must_hold(pace: float, seconds: float, cost: float, faults: list[str]) -> None:
    """The budget of an event in yardsticks; 2 % of the time, where a token costs 5 ms or more."""
    told, broken = verdicts(found(pace, seconds, cost))
    assert broken == [f"{streams} streams: {fault}" for streams in STREAMS for fault in faults]
    assert set(broken) <= set(told)


def test_a_median_and_its_bounds() -> None:
    """Those of the sign test: with 40 values the 14th and the 27th, as its tables say."""
    assert median_within([float(number) for number in range(1, 41)]) == (14.0, 20.5, 27.0)
    assert median_within([2.0, 1.0]) == (1.0, 1.5, 2.0)


def test_the_table() -> None:
    """A line for each way and number of streams, in the order in which they are compared."""
    doors = [Door(name, 1, "", 1) for name in ("bare engine", "yardstick", "Tollbar")]
    lines = table(found(100.0, 1.01, 14.0), doors).splitlines()
    assert lines[2:5] == [
        "| 1 | bare engine | 20.0 ms | 100.0 |  |",
        "| 1 | yardstick | 11.0 ms | 100.0 | 10 µs |",
        "| 1 | Tollbar | 12.0 ms | 100.0 | 14 µs |",
    ]
    assert lines[-1].startswith("Memory, Tollbar: the engine ")
