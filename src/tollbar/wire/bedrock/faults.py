"""The exceptions that Bedrock tells in the middle of a stream, as our errors."""

from collections.abc import Mapping

from tollbar.domain.errors import (
    StreamBroken,
    UpstreamBusy,
    UpstreamError,
    UpstreamMisconfigured,
    UpstreamRejected,
    UpstreamTimeout,
)

LONGEST_MESSAGE = 300
_KINDS: Mapping[str, tuple[type[UpstreamError], bool]] = {
    "throttlingexception": (UpstreamBusy, True),
    "modelnotreadyexception": (UpstreamBusy, True),
    "serviceunavailableexception": (UpstreamBusy, True),
    "modeltimeoutexception": (UpstreamTimeout, True),
    "validationexception": (UpstreamRejected, False),
    "accessdeniedexception": (UpstreamMisconfigured, False),
}
"""The kind of error, and whether another attempt may help; what is not here broke the answer, and one may."""


def fault_of(kind: str, message: str) -> UpstreamError:
    """The error for an exception by its name, in whichever of the ways of writing it."""
    raised, may_retry = _KINDS.get(kind.lower(), (StreamBroken, True))
    words = message.strip()[:LONGEST_MESSAGE] or kind[:LONGEST_MESSAGE] or "one that has no name"
    return raised(f"The provider answered with an error: {words}", is_retryable=may_retry)
