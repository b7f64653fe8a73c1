"""The table says what was measured, what must hold, and whether it does."""

from pathlib import Path

from bench.checking import ratios_of, regressions, write
from bench.driving import percentile
from bench.measures import PLAIN, REFERENCE, STREAM
from bench.report import Budget, Figure, Report

TABLE = """\
           measured  spread  must  aim
------------------------------------------------
call         200 µs    10 %   250  150  must met
memory        80 MB           120   90  aim met
lag         5.01 ms             5    2  MISSED
reference     13 µs    15 %

A note."""


def report() -> Report:
    """A report with a figure of every kind."""
    figures = [
        Figure("call", "µs", [190, 200, 210], Budget(250, 150)),
        Figure("memory", "MB", [80], Budget(120, 90)),
        Figure("lag", "ms", [5.01], Budget(5, 2)),
        Figure("reference", "µs", [12, 13, 14]),
    ]
    return Report(figures, ["A note."])


def test_the_table() -> None:
    """Medians, spreads, budgets and marks stand in columns; figures to compare with have no budget."""
    assert report().table() == TABLE


def test_the_document_holds_what_the_table_does() -> None:
    """Programs get every run as well."""
    assert report().document()["figures"][0] == {  # type: ignore[index]
        "name": "call",
        "unit": "µs",
        "median": 200,
        "spread_percent": 10.0,
        "runs": [190, 200, 210],
        "must": 250,
        "aim": 150,
        "verdict": "must met",
    }


def test_percentiles() -> None:
    """A percentile is one of the values."""
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile([7.0], 99)) == (51.0, 100.0, 7.0)


def test_a_regression_is_relative_to_the_reference(tmp_path: Path) -> None:
    """A cost that grew with the machine's is none; one that grew by more than 15 % beyond it is named."""
    file = tmp_path / "baseline.json"

    def figures(plain: float, stream: float, reference: float) -> list[Figure]:
        return [Figure(PLAIN, "µs", [plain]), Figure(STREAM, "µs", [stream]), Figure(REFERENCE, "µs", [reference])]

    write(ratios_of(figures(200, 300, 20)), file)
    assert regressions(ratios_of(figures(400, 600, 40)), file) == []
    assert regressions(ratios_of(figures(229, 300, 20)), file) == []
    faults = regressions(ratios_of(figures(232, 300, 20)), file)
    assert [fault.partition(":")[0] for fault in faults] == [PLAIN]
