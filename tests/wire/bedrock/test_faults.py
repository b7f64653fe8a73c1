"""Exceptions of a stream are the errors that they would have been before it."""

import pytest

from tollbar.domain.errors import (
    StreamBroken,
    UpstreamBusy,
    UpstreamError,
    UpstreamMisconfigured,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollbar.wire.bedrock.faults import fault_of


@pytest.mark.parametrize(
    ("kind", "raised", "may_retry"),
    [
        ("throttlingException", UpstreamBusy, True),
        ("serviceUnavailableException", UpstreamBusy, True),
        ("modelTimeoutException", UpstreamTimeout, True),
        ("validationException", UpstreamRejected, False),
        ("AccessDeniedException", UpstreamMisconfigured, False),
        ("modelStreamErrorException", StreamBroken, True),
        ("internalServerException", StreamBroken, True),
        ("horoscopeException", StreamBroken, True),
    ],
)
def test_each_exception_is_an_error_of_ours(kind: str, raised: type[UpstreamError], may_retry: bool) -> None:
    """By its name, however it is written."""
    fault = fault_of(kind, "It fell over.")
    assert (type(fault), fault.is_retryable) == (raised, may_retry)
    assert "It fell over." in fault.message


def test_an_exception_without_words_is_told_by_its_name() -> None:
    """And one without either is told all the same."""
    assert "throttlingException" in fault_of("throttlingException", " ").message
    assert "no name" in fault_of("", "").message
    assert len(fault_of("x", "y" * 9_000).message) < 400
