"""The metrics, as Prometheus reads them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from tollbar import __version__
from tollbar.domain.records import Attempt, Outcome, Provenance, RequestRecord
from tollbar.domain.usage import Usage
from tollbar.metrics import DESCRIPTIONS, MAX_LABEL_SETS, Metrics

RECORD = RequestRecord(
    request_id="req_1",
    at=datetime(2026, 1, 1, tzinfo=UTC),
    route="/v1/chat/completions",
    key_id="k",
    key_name="name",
    address="192.0.2.1",
    model="smart",
    target="openai/gpt-4o",
    stream=True,
    outcome=Outcome.OK,
    status=200,
    error_code=None,
    usage=Usage(prompt_tokens=100, completion_tokens=20, cached_read_tokens=30, reasoning_tokens=5),
    provenance=Provenance.PROVIDER_FINAL,
    credits=2,
    cost_nano_dollars=1_500_000_000,
    attempts=(
        Attempt("azure/gpt-4o", Outcome.FAILED, 0.001, 0.1, "upstream_failed", 500),
        Attempt("openai/gpt-4o", Outcome.OK, 0.1, 0.75),
    ),
    duration_seconds=0.75,
    first_token_seconds=0.25,
    stages={"admit": 0.001, "wait": 0.249, "deliver": 0.5},
)

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def read(metrics: Metrics) -> Samples:
    """What a scraper makes of the metrics: values by name and labels."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """One value."""
    return samples[name, frozenset(labels.items())]


def test_a_call_is_counted_everywhere_it_belongs() -> None:
    """One record feeds every metric that speaks of it."""
    metrics = Metrics()
    metrics.observe([RECORD])
    samples = read(metrics)
    assert value(samples, "toll_calls_total", route="/v1/chat/completions", outcome="ok") == 1
    assert value(samples, "toll_attempts_total", vendor="azure", outcome="failed") == 1
    assert value(samples, "toll_attempts_total", vendor="openai", outcome="ok") == 1
    assert value(samples, "toll_call_seconds_sum", route="/v1/chat/completions") == 0.75
    assert value(samples, "toll_stage_seconds_count", stage="deliver") == 1
    assert value(samples, "toll_first_token_seconds_sum", vendor="openai") == 0.25
    assert [value(samples, "toll_tokens_total", kind=kind) for kind in ("prompt", "completion", "cached_read")] == [
        100,
        20,
        30,
    ]
    assert value(samples, "toll_credits_settled_total") == 2
    assert value(samples, "toll_dollars_settled_total") == 1.5


def test_buckets_hold_everything_up_to_their_bound() -> None:
    """A value at a bound is within it; the last bucket holds all."""
    metrics = Metrics()
    for seconds in (0.25, 0.2500001, 10_000.0):
        metrics.observe([RECORD._replace(duration_seconds=seconds)])
    samples = read(metrics)
    route = "/v1/chat/completions"
    assert [
        value(samples, "toll_call_seconds_bucket", route=route, le=le) for le in ("0.1", "0.25", "0.5", "+Inf")
    ] == [
        0,
        1,
        2,
        3,
    ]


def test_a_refused_call_leaves_no_traces_of_what_it_had_not() -> None:
    """Without usage, target and price there are no tokens, no first content and no dollars."""
    metrics = Metrics()
    refused = RECORD._replace(
        outcome=Outcome.REFUSED,
        error_code="insufficient_quota",
        target=None,
        usage=None,
        credits=0,
        cost_nano_dollars=None,
        attempts=(),
        first_token_seconds=None,
        stages={},
    )
    metrics.observe([refused])
    samples = read(metrics)
    assert value(samples, "toll_errors_total", code="insufficient_quota") == 1
    assert value(samples, "toll_credits_settled_total") == 0
    assert not [name for name, _ in samples if name.startswith(("toll_tokens", "toll_first", "toll_attempts"))]


def test_no_caller_can_make_the_metrics_grow() -> None:
    """Beyond the bound, new label values are counted together."""
    metrics = Metrics()
    for number in range(MAX_LABEL_SETS + 50):
        metrics.observe([RECORD._replace(route=f"/generate/{number}")])
    samples = read(metrics)
    routes = {dict(labels)["route"] for name, labels in samples if name == "toll_calls_total"}
    assert len(routes) == MAX_LABEL_SETS + 1
    assert value(samples, "toll_calls_total", route="other", outcome="other") == 50
    assert value(samples, "toll_call_seconds_count", route="other") == 50


def test_what_others_report_is_shown() -> None:
    """Lost records, calls under way and the version."""
    metrics = Metrics()
    metrics.watch(lambda: 7, lambda: 3)
    samples = read(metrics)
    assert value(samples, "toll_records_dropped_total") == 3
    assert value(samples, "toll_calls_in_progress") == 7
    assert value(samples, "toll_build_info", version=__version__) == 1
    assert ("process_resident_memory_bytes", frozenset()) in samples


def test_every_metric_is_described() -> None:
    """What is rendered is what the table describes, and the process's own."""
    metrics = Metrics()
    metrics.observe([RECORD._replace(error_code="x")])
    metrics.chore_failed("tick")
    families = list(text_string_to_metric_families(metrics.render().decode()))
    ours = {family.name: family.type for family in families if family.name.startswith("toll_")}
    assert ours == {description.name.removesuffix("_total"): description.kind for description in DESCRIPTIONS}


def test_label_values_cannot_break_the_format() -> None:
    """Quotes and newlines in a label are escaped."""
    metrics = Metrics()
    metrics.observe([RECORD._replace(route='/a"b\nc')])
    assert value(read(metrics), "toll_calls_total", route='/a"b\nc', outcome="ok") == 1


def test_two_processes_of_one_program_do_not_share() -> None:
    """Nothing is registered globally: another object counts for itself."""
    Metrics().observe([RECORD])
    assert ("toll_calls_total", frozenset()) not in read(Metrics())
