"""What the benchmark of local models says of its figures."""

import pytest

from bench.local import STREAMS, Door, Measured, table, verdicts


def found(pace: float, through: float, seconds: float) -> dict[tuple[str, int], Measured]:
    """Figures: tokens a second bare and through Tollbar, and CPU seconds of Tollbar for a thousand tokens."""
    figures: dict[tuple[str, int], Measured] = {}
    for streams in STREAMS:
        figures["bare engine", streams] = Measured([10.0, 20.0, 30.0], [pace * streams] * 3, 0.0, 1_000)
        figures["empty relay", streams] = Measured([11.0], [pace * streams], 0.01, 1_000)
        figures["Tollbar", streams] = Measured([12.0], [through * streams] * 3, seconds, 1_000)
    return figures


@pytest.mark.parametrize(
    ("pace", "through", "seconds", "faults"),
    [
        (100.0, 99.0, 0.05, []),
        (100.0, 99.0, 0.09, ["more than an empty relay"]),
        (100.0, 90.0, 0.05, ["slower than the bare engine"]),
        (1_000.0, 500.0, 0.05, []),
    ],
)
def test_what_must_hold(pace: float, through: float, seconds: float, faults: list[str]) -> None:
    """50 µs beyond an empty relay; 2 % of the time, where a token costs 5 ms or more."""
    said = verdicts(found(pace, through, seconds))
    assert len(said) == len(STREAMS) * len(faults)
    assert all(fault in line for fault in faults for line in said)


def test_the_table() -> None:
    """A line for each way and number of streams, in the order in which they are compared."""
    doors = [Door(name, 1, "", 1) for name in ("bare engine", "empty relay", "Tollbar")]
    lines = table(found(100.0, 99.0, 0.05), doors).splitlines()
    assert lines[2:5] == [
        "| 1 | bare engine | 20.0 ms | 100.0 |  |",
        "| 1 | empty relay | 11.0 ms | 100.0 | 10 µs |",
        "| 1 | Tollbar | 12.0 ms | 99.0 | 50 µs |",
    ]
    assert lines[-1].startswith("Memory, Tollbar: the engine ")
