"""Which addresses may be a provider's."""

import pytest

from tollbar.providers.destinations import is_forbidden, is_this_machine, url_fault


@pytest.mark.parametrize(
    "url",
    [
        "https://api.vendor.example/v1",
        "http://127.0.0.1:11434/v1",
        "http://[::1]:8000/v1",
        "http://10.0.0.7:8000/v1",
        "http://gpu-box:8000",
        "http://192.168.1.20/openai/v1",
    ],
)
def test_usual_addresses_can_be_used(url: str) -> None:
    """Public hosts, this machine and private networks are where providers are."""
    assert url_fault(url) == ""


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.169.254.",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "224.0.0.1",
    ],
)
def test_metadata_services_and_link_local_addresses_never_are(host: str) -> None:
    """However it is written, an address that hands out a machine's own credentials is refused."""
    assert url_fault(f"http://{host}/v1") != ""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.vendor.example/v1",
        "ftp://vendor.example/",
        "file:///etc/passwd",
        "https://",
        "https://user:password@vendor.example/v1",
        "https://vendor.example@169.254.169.254/",
        "https://vendor.example/v1#fragment",
        "https://vendor.example/v1?key=1",
        "https://vendor.example/v1\r\nx: y",
        "https://vendor .example/v1",
        "https://vendor.example:99999/v1",
        "https://vendör.example/v1",
        "https://vendor.example/" + "a" * 2_000,
    ],
)
def test_what_is_no_base_url_is_named(url: str) -> None:
    """Everything but a plain http or https address is refused with a reason."""
    assert url_fault(url) != ""


def test_names_are_not_taken_for_addresses() -> None:
    """A name is judged when it is looked up, not before, even if it begins with a digit."""
    assert not is_forbidden("metadata.google.internal")
    assert not is_forbidden("0x.vendor.example")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.5/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://10.0.0.1/v1", False),
        ("https://localhost.vendor.example/v1", False),
    ],
)
def test_this_machine_is_known(url: str, expected: bool) -> None:
    """Loopback by name or address is this machine, and nothing else."""
    assert is_this_machine(url) is expected
