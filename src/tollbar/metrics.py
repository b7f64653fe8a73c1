"""The metrics: few, named after the stages of a call, and all fed from the one record that a call leaves behind.

Guarantees: `observe` costs a few microseconds and never fails; label values are bounded, so that no caller can make the
set grow; nothing is registered globally. What one process counted can be added to what another did. Counting is plain
arithmetic in the loop's thread; the exposition format is prometheus-client's affair.
"""

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

from tollbar import __version__
from tollbar.domain.money import NANO_PER_DOLLAR
from tollbar.domain.records import RequestRecord

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

MAX_LABEL_SETS = 256
OTHER = "other"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_ROUTE_AND_OUTCOME = attrgetter("route", "outcome")
_ATTEMPTS, _CREDITS, _NANO_DOLLARS = attrgetter("attempts"), attrgetter("credits"), attrgetter("cost_nano_dollars")
_KINDS = (
    ("prompt", attrgetter("prompt_tokens")),
    ("completion", attrgetter("completion_tokens")),
    ("cached_read", attrgetter("cached_read_tokens")),
    ("reasoning", attrgetter("reasoning_tokens")),
)


@dataclass(frozen=True, slots=True)
class Description:
    """One metric: its name, `counter`, `histogram` or `gauge`, its labels, and what it says."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


CALLS = Description("toll_calls_total", "counter", ("route", "outcome"), "Calls that ended, by route and outcome.")
ERRORS = Description("toll_errors_total", "counter", ("code",), "Calls that ended in an error, by its code.")
CALL_SECONDS = Description("toll_call_seconds", "histogram", ("route",), "Time from a call's arrival to its end.")
STAGE_SECONDS = Description(
    "toll_stage_seconds",
    "histogram",
    ("stage",),
    "Time within the stages of a call: `admit` until the provider is asked, `wait` until its first content, `deliver` "
    "until the end.",
)
FIRST_TOKEN_SECONDS = Description(
    "toll_first_token_seconds", "histogram", ("vendor",), "Time from a call's arrival to the first content."
)
ATTEMPTS = Description(
    "toll_attempts_total", "counter", ("vendor", "outcome"), "Attempts at providers, retries and fallbacks included."
)
TOKENS = Description("toll_tokens_total", "counter", ("kind",), "Tokens consumed, by kind.")
CREDITS = Description("toll_credits_settled_total", "counter", (), "Credits charged to keys.")
DOLLARS = Description("toll_dollars_settled_total", "counter", (), "Dollars that calls cost, where the price is known.")
CHORE_FAULTS = Description(
    "toll_chore_faults_total", "counter", ("chore",), "Faults of what goes on in the background."
)
DROPPED = Description("toll_records_dropped_total", "counter", (), "Records of calls that could not be kept.")
IN_PROGRESS = Description("toll_calls_in_progress", "gauge", (), "Calls under way.")
BUILD = Description("toll_build_info", "gauge", ("version",), "Always 1; the label is the running version.")

DESCRIPTIONS = (
    *(CALLS, ERRORS, CALL_SECONDS, STAGE_SECONDS, FIRST_TOKEN_SECONDS, ATTEMPTS, TOKENS),
    *(CREDITS, DOLLARS, CHORE_FAULTS, DROPPED, IN_PROGRESS, BUILD),
)


class Metrics:
    """Counts what records say. One object per process, used from the loop's thread alone."""

    def __init__(self) -> None:
        self._calls = _Counters(CALLS)
        self._errors = _Counters(ERRORS)
        self._call_seconds = _Histograms(CALL_SECONDS)
        self._stage_seconds = _Histograms(STAGE_SECONDS)
        self._first_token_seconds = _Histograms(FIRST_TOKEN_SECONDS)
        self._attempts = _Counters(ATTEMPTS)
        self._tokens = _Counters(TOKENS)
        self._credits = _Counters(CREDITS)
        self._dollars = _Counters(DOLLARS, NANO_PER_DOLLAR)
        self._faults = _Counters(CHORE_FAULTS)
        self._in_progress: Callable[[], int] = int
        self._dropped: Callable[[], int] = int
        self._counters = (
            self._calls,
            self._errors,
            self._attempts,
            self._tokens,
            self._credits,
            self._dollars,
            self._faults,
        )
        self._histograms = (self._call_seconds, self._stage_seconds, self._first_token_seconds)
        self._dropped_before = 0
        self._in_progress_elsewhere = 0

    def observe(self, records: Sequence[RequestRecord]) -> None:
        """Counts calls that are over; many at once cost less than each alone."""
        self._calls.add_all(Counter(map(_ROUTE_AND_OUTCOME, records)))
        self._call_seconds.add_all(((record.route,), record.duration_seconds) for record in records)
        stages = chain.from_iterable(record.stages.items() for record in records)
        self._stage_seconds.add_all(((stage,), seconds) for stage, seconds in stages)
        attempts = chain.from_iterable(map(_ATTEMPTS, records))
        self._attempts.add_all(Counter((_vendor(attempt.target), attempt.outcome) for attempt in attempts))
        self._first_token_seconds.add_all(
            ((_vendor(record.target),), record.first_token_seconds)
            for record in records
            if record.first_token_seconds is not None and record.target is not None
        )
        self._errors.add_all(Counter((record.error_code,) for record in records if record.error_code is not None))
        usages = [record.usage for record in records if record.usage is not None]
        self._tokens.add_all({(kind,): sum(map(tokens, usages)) for kind, tokens in _KINDS} if usages else {})
        self._credits.add_all({(): sum(map(_CREDITS, records))})
        self._dollars.add_all({(): sum(filter(None, map(_NANO_DOLLARS, records)))})

    def chore_failed(self, chore: str) -> None:
        """Counts a fault of ours in the background."""
        self._faults.add_all({(chore,): 1})

    def watch(self, in_progress: Callable[[], int], dropped: Callable[[], int]) -> None:
        """Names what knows how many calls are under way and how many records were lost; asked when somebody reads."""
        self._in_progress = in_progress
        self._dropped = dropped

    def render(self, others: Iterable[bytes] | None = None) -> bytes:
        """Everything counted so far in Prometheus' text format, with the process's own figures.

        Where there are other processes, it is what all have counted, by their snapshots; figures of one process would
        say nothing then, and are left out.
        """
        # Imported here, because nobody should wait for it at the start who never reads metrics.
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        if others is None:
            registry.register(self)
            ProcessCollector(registry=registry)
        else:
            everybody = Metrics()
            for snapshot in (self.snapshot(), *others):
                everybody.add(snapshot)
            registry.register(everybody)
        return generate_latest(registry)

    def snapshot(self) -> bytes:
        """What this process has counted, for `add`."""
        kept = [counter.kept() for counter in self._counters], [series.kept() for series in self._histograms]
        return json.dumps((*kept, self._lost(), self._in_progress())).encode()

    def add(self, snapshot: bytes) -> None:
        """Adds what was counted elsewhere."""
        counters, histograms, dropped, in_progress = json.loads(snapshot)
        for counter, kept in zip(self._counters, counters, strict=True):
            counter.add_all({tuple(labels): amount for labels, amount in kept})
        for histogram, kept in zip(self._histograms, histograms, strict=True):
            for labels, counts, total in kept:
                histogram.merge(tuple(labels), counts, total)
        self._dropped_before += dropped
        self._in_progress_elsewhere += in_progress

    def resume(self, snapshot: bytes) -> None:
        """Counts on from what a process counted before it was started anew; its calls are under way no more."""
        self.add(snapshot)
        self._in_progress_elsewhere = 0

    def _lost(self) -> int:
        return self._dropped_before + self._dropped()

    def collect(self) -> "Iterator[Metric]":
        """The metrics as prometheus-client's registry asks for them."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for counter in self._counters:
            yield counter.family()
        for histogram in self._histograms:
            yield histogram.family()
        yield CounterMetricFamily(DROPPED.name, DROPPED.text, value=self._lost())
        in_progress = self._in_progress_elsewhere + self._in_progress()
        yield GaugeMetricFamily(IN_PROGRESS.name, IN_PROGRESS.text, value=in_progress)
        build = GaugeMetricFamily(BUILD.name, BUILD.text, labels=BUILD.labels)
        build.add_metric((__version__,), 1)
        yield build


class _Counters:
    """Sums by label values, whole until they are shown in units of `unit`.

    Beyond the bound, new label values are counted together as `other`.
    """

    __slots__ = ("_description", "_sums", "_unit")

    def __init__(self, description: Description, unit: int = 1) -> None:
        self._description = description
        self._unit = unit
        self._sums: dict[tuple[str, ...], int] = {} if description.labels else {(): 0}

    def add_all(self, amounts: Mapping[tuple[str, ...], int]) -> None:
        for labels, amount in amounts.items():
            if amount:
                known = labels if labels in self._sums else _bounded(labels, self._sums)
                self._sums[known] = self._sums.get(known, 0) + amount

    def kept(self) -> list[tuple[tuple[str, ...], int]]:
        return list(self._sums.items())

    def family(self) -> "Metric":
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(self._description.name, self._description.text, labels=self._description.labels)
        for labels, total in self._sums.items():
            family.add_metric(labels, total / self._unit)
        return family


class _Histograms:
    """Counts by bucket, and sums, by label values."""

    __slots__ = ("_description", "_series")

    def __init__(self, description: Description) -> None:
        self._description = description
        self._series: dict[tuple[str, ...], _Series] = {}

    def add_all(self, measured: Iterable[tuple[tuple[str, ...], float]]) -> None:
        known = self._series
        for labels, seconds in measured:
            series = known.get(labels) or self._begun(labels)
            series.counts[bisect_left(SECONDS, seconds)] += 1
            series.total += seconds

    def merge(self, labels: tuple[str, ...], counts: Sequence[int], total: float) -> None:
        series = self._series.get(labels) or self._begun(labels)
        series.counts = [one + more for one, more in zip(series.counts, counts, strict=True)]
        series.total += total

    def kept(self) -> list[tuple[tuple[str, ...], list[int], float]]:
        return [(labels, series.counts, series.total) for labels, series in self._series.items()]

    def _begun(self, labels: tuple[str, ...]) -> "_Series":
        return self._series.setdefault(_bounded(labels, self._series), _Series())

    def family(self) -> "Metric":
        from prometheus_client.core import HistogramMetricFamily

        family = HistogramMetricFamily(self._description.name, self._description.text, labels=self._description.labels)
        for labels, series in self._series.items():
            family.add_metric(labels, buckets=series.cumulative(), sum_value=series.total)
        return family


class _Series:
    """One histogram: how many fell into each bucket, the last being everything above the bounds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.total = 0.0

    def cumulative(self) -> list[tuple[str, float]]:
        """The buckets as Prometheus wants them: each counts everything up to its bound."""
        buckets: list[tuple[str, float]] = []
        so_far = 0
        for bound, count in zip((*(str(float(second)) for second in SECONDS), "+Inf"), self.counts, strict=True):
            so_far += count
            buckets.append((bound, so_far))
        return buckets


def _vendor(target: str) -> str:
    return target.partition("/")[0]


def _bounded(labels: tuple[str, ...], known: Mapping[tuple[str, ...], object]) -> tuple[str, ...]:
    return labels if len(known) < MAX_LABEL_SETS else (OTHER,) * len(labels)
