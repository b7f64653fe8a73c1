"""The headers beside the content, exactly."""

import pytest

from tollbar.domain import errors
from tollbar.domain.errors import UpstreamFull
from tollbar.domain.limits import Limit, Measure, Room
from tollbar.domain.place import Place
from tollbar.edge.headers import error_headers, limit_headers, place_headers, process_headers
from tollbar.edge.telemetry import Memory

MINUTE = Limit(Measure.REQUESTS, 20, 60)
DAY = Limit(Measure.REQUESTS, 100, 86_400)
TOKENS = Limit(Measure.TOKENS, 40_000, 60)
AT_ONCE = Limit(Measure.CONCURRENCY, 4, 0)


def test_what_the_process_used_is_told() -> None:
    """Seconds to the microsecond, and memory as it was read last."""
    memory = Memory(lambda: 80 * 1_048_576)
    assert process_headers(memory, 100.0, 100.0012345) == [
        (b"x-process-time", b"0.001234"),
        (b"x-memory-used", b"80.00"),
        (b"x-memory-delta", b"0.00"),
    ]


def test_limits_are_told_by_measure() -> None:
    """Requests and tokens each have three headers; concurrency has none."""
    rooms = [Room("key:1", MINUTE, 12, 41.2), Room("key:1", TOKENS, 39_000, 3.0), Room("key:1", AT_ONCE, 0, 0.0)]
    assert limit_headers(rooms) == [
        (b"x-ratelimit-limit-requests", b"20"),
        (b"x-ratelimit-remaining-requests", b"12"),
        (b"x-ratelimit-reset-requests", b"42s"),
        (b"x-ratelimit-limit-tokens", b"40000"),
        (b"x-ratelimit-remaining-tokens", b"39000"),
        (b"x-ratelimit-reset-tokens", b"3s"),
    ]


@pytest.mark.parametrize(
    ("minute_left", "day_left", "told"), [(12, 5, b"100"), (1, 50, b"20"), (0, 0, b"20"), (20, 100, b"20")]
)
def test_the_limit_nearest_to_its_end_is_told(minute_left: int, day_left: int, told: bytes) -> None:
    """Of two windows the one with the smaller share left, the first where they are level."""
    rooms = [Room("key:1", MINUTE, minute_left, 1.0), Room("key:1", DAY, day_left, 1.0)]
    assert limit_headers(rooms)[0] == (b"x-ratelimit-limit-requests", told)


def test_what_is_left_is_never_below_nothing() -> None:
    """A correction may take more than there was; the caller hears zero."""
    headers = dict(limit_headers([Room("key:1", TOKENS, -7, 0.0)]))
    assert headers[b"x-ratelimit-remaining-tokens"] == b"0"
    assert headers[b"x-ratelimit-reset-tokens"] == b"0s"


def test_without_limits_there_are_no_headers() -> None:
    """A key without limits hears of none."""
    assert limit_headers([]) == []


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, b"1"), (0.2, b"1"), (1.0, b"1"), (1.01, b"2"), (86_399.5, b"86400")]
)
def test_retry_after_is_whole_seconds_and_at_least_one(seconds: float, told: bytes) -> None:
    """A caller who obeys finds room; a zero would make it hammer."""
    assert error_headers(errors.RateLimited("", retry_after_seconds=seconds))[0] == (b"retry-after", told)


def test_overload_asks_for_a_moment() -> None:
    """503 is worth another try, soon."""
    assert error_headers(errors.Overloaded("")) == [(b"retry-after", b"1")]


@pytest.mark.parametrize(
    "error",
    [
        errors.OutOfCredit(""),
        errors.InvalidKey(""),
        errors.UnknownModel(""),
        errors.InternalError(""),
        errors.UpstreamFailed("", is_retryable=True),
        errors.UpstreamTimeout("", is_retryable=True),
    ],
)
def test_final_errors_say_that_trying_again_is_no_use(error: errors.GatewayError) -> None:
    """Ours were tried already; the SDKs would multiply them by their own."""
    assert (b"x-should-retry", b"false") in error_headers(error)


def test_a_401_names_the_scheme_and_other_errors_do_not() -> None:
    """RFC 9110 asks for it, and some clients read it."""
    assert error_headers(errors.InvalidKey("")) == [(b"www-authenticate", b"Bearer"), (b"x-should-retry", b"false")]
    assert error_headers(errors.NotAllowed("")) == [(b"x-should-retry", b"false")]


def test_a_provider_that_names_a_time_is_passed_on() -> None:
    """We do not wait for long ourselves; the caller may."""
    busy = errors.UpstreamBusy("", is_retryable=True, retry_after_seconds=44.2)
    assert error_headers(busy) == [(b"retry-after", b"45"), (b"x-should-retry", b"false")]


@pytest.mark.parametrize(("seconds", "may_try"), [(59.0, True), (61.0, True), (61.1, False), (80_000.0, False)])
def test_a_day_is_too_long_to_wait_for(seconds: float, may_try: bool) -> None:
    """An SDK would sleep for that long, or try in vain: it is told not to."""
    headers = error_headers(errors.RateLimited("", retry_after_seconds=seconds))
    assert ((b"x-should-retry", b"false") not in headers) is may_try


def test_a_place_in_the_queue() -> None:
    """Where a call stood before a local model, and how long that was expected to take."""
    assert place_headers(Place(3, 12.34)) == [
        (b"x-tollbar-queue-position", b"3"),
        (b"x-tollbar-queue-seconds", b"12.3"),
    ]


def test_a_full_queue_says_when_to_come_back() -> None:
    """In whole seconds, rounded up, and without telling SDKs to give up."""
    assert error_headers(UpstreamFull("Full.", retry_after_seconds=2.1)) == [(b"retry-after", b"3")]
