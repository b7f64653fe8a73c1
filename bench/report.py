"""What was measured, against what must hold and what is aimed at, as a table and as JSON."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Budget:
    """What a figure must not exceed, and what is aimed at."""

    must: float
    aim: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured, once per run. A figure without a budget is there to compare with."""

    name: str
    unit: str
    values: Sequence[float]
    budget: Budget | None = None

    @property
    def median(self) -> float:
        """The middle of the runs."""
        return statistics.median(self.values)

    @property
    def spread_percent(self) -> float:
        """From the lowest run to the highest, in per cent of the median."""
        return (max(self.values) - min(self.values)) / abs(self.median) * 100 if self.median else 0.0

    @property
    def verdict(self) -> str:
        """How the median stands to the budget."""
        if self.budget is None:
            return ""
        if self.median <= self.budget.aim:
            return "aim met"
        return "must met" if self.median <= self.budget.must else "MISSED"


@dataclass(slots=True)
class Report:
    """Every figure of one bench, and what there is to say about the circumstances."""

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def median(self, name: str) -> float:
        """The median of a figure."""
        return next(figure.median for figure in self.figures if figure.name == name)

    def table(self) -> str:
        """The figures for people."""
        head = ("", "measured", "spread", "must", "aim", "")
        rows = [head, *(_row(figure) for figure in self.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = [_line(row, widths) for row in rows]
        lines.insert(1, "-" * max(map(len, lines)))
        return "\n".join([*lines, "", *self.notes])

    def document(self) -> dict[str, object]:
        """The figures for programs."""
        return {"figures": [_told(figure) for figure in self.figures], "notes": self.notes}


def _row(figure: Figure) -> tuple[str, ...]:
    must, aim = ("", "") if figure.budget is None else (number(figure.budget.must), number(figure.budget.aim))
    has_spread = len(figure.values) > 1 and figure.unit != "%"
    spread = f"{figure.spread_percent:.0f} %" if has_spread else ""
    return figure.name, f"{number(figure.median)} {figure.unit}", spread, must, aim, figure.verdict


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *cells, verdict = row
    aligned = (cell.rjust(width) for cell, width in zip(cells, widths[1:-1], strict=True))
    return f"{name.ljust(widths[0])}  {'  '.join(aligned)}  {verdict}".rstrip()


def _told(figure: Figure) -> dict[str, object]:
    told: dict[str, object] = {
        "name": figure.name,
        "unit": figure.unit,
        "median": figure.median,
        "spread_percent": figure.spread_percent,
        "runs": list(figure.values),
    }
    if figure.budget is not None:
        told |= {"must": figure.budget.must, "aim": figure.budget.aim, "verdict": figure.verdict}
    return told


def number(value: float) -> str:
    """A figure with as many digits as mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
