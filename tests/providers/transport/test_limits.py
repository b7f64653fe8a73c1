"""What is said when a provider took too long."""

import pytest

from tollbar.domain.catalogue import Timeouts
from tollbar.providers.faults import Peer
from tollbar.providers.transport.limits import Limits

TIMEOUTS = Timeouts(1.0, 2.0, 3.0, 4.0, 5.0, 60.0)


@pytest.mark.parametrize(
    ("which", "seconds"),
    [
        ("connect", "1 s"),
        ("write", "2 s"),
        ("first_byte_stream", "3 s"),
        ("between_bytes", "5 s"),
        ("total", "60 s"),
    ],
)
def test_each_time_out_says_its_own(which: str, seconds: str) -> None:
    """The message says for how long, the hint names the setting, and another try may help."""
    fault = Limits(TIMEOUTS, True, 0).exceeded(Peer("main"), which)
    assert fault.message.startswith("main ")
    assert seconds in fault.message
    assert f"timeouts.{which}_seconds" in fault.hint
    assert fault.is_retryable


@pytest.mark.parametrize("bound", ["total", "simple_attempt", "simple_total"])
def test_time_that_is_up_names_the_setting_it_was_bound_by(bound: str) -> None:
    """Of the call or of the attempt, whichever came first."""
    fault = Limits(TIMEOUTS, True, 0, 10.0, bound).exceeded(Peer("main"), "total")
    assert fault.message == "main did not finish within the 10 s that it had."
    assert fault.hint == f"The setting timeouts.{bound}_seconds changes that."


def test_plain_answers_and_streams_wait_differently() -> None:
    """The first byte of a document may take longer than that of a stream."""
    assert (Limits(TIMEOUTS, True, 0).first_byte_seconds, Limits(TIMEOUTS, False, 0).first_byte_seconds) == (3.0, 4.0)
    assert "4 s" in Limits(TIMEOUTS, False, 0).exceeded(Peer("main"), "first_byte_plain").message


@pytest.mark.parametrize(("left", "expected"), [(None, 60.0), (10.0, 10.0), (100.0, 60.0), (-1.0, 0.0)])
def test_an_attempt_never_outlives_its_call(left: float | None, expected: float) -> None:
    """What the call has left bounds the attempt."""
    assert Limits(TIMEOUTS, True, 0, left).total_seconds == expected
