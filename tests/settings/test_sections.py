"""The sections that say how the gateway runs."""

import pytest

from tollbar.domain.catalogue import Timeouts as DomainTimeouts
from tollbar.settings.sections import Server, TimeoutOverrides, Timeouts


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("host", False)],
)
def test_loopback_is_known(host: str, expected: bool) -> None:
    """Only addresses of this machine are loopback; a name that is not localhost may be anywhere."""
    assert Server(host=host).is_loopback is expected


def test_time_outs_default_to_the_domain_s() -> None:
    """The settings' defaults are those that targets have without settings."""
    settings, domain = Timeouts(), DomainTimeouts()
    assert (settings.connect_seconds, settings.write_seconds) == (domain.connect, domain.write)
    assert settings.first_byte_stream_seconds == domain.first_byte_stream
    assert settings.first_byte_plain_seconds == domain.first_byte_plain
    assert (settings.between_bytes_seconds, settings.total_seconds) == (domain.between_bytes, domain.total)


def test_every_general_time_out_can_be_overridden() -> None:
    """Overrides are the general time-outs, less those of the simple endpoints, and say nothing unless told."""
    general = {name for name in Timeouts.model_fields if not name.startswith("simple_")}
    assert set(TimeoutOverrides.model_fields) == general
    assert set(TimeoutOverrides().model_dump().values()) == {None}
