"""Where a caller is: the socket, or what a trusted proxy says of it, and what it is counted as."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.errors import InvalidValue
from tollbar.edge.address import Addresses, source

PROXIES = Addresses((ip_network("10.0.0.0/8"), ip_network("fd00::/8")))
V4 = st.ip_addresses(v=4).filter(lambda address: not PROXIES.is_trusted(str(address)))
V6 = st.ip_addresses(v=6)


def chain(*values: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a request with these header lines."""
    return [(b"host", b"x"), *((b"x-forwarded-for", value) for value in values)]


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("192.0.2.7", chain(b"198.51.100.1"), "192.0.2.7"),
        ("10.0.0.1", chain(b"198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", chain(b"1.2.3.4, 198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", chain(b"198.51.100.1, 10.9.9.9"), "198.51.100.1"),
        ("10.0.0.1", chain(b"198.51.100.1", b"10.9.9.9"), "198.51.100.1"),
        ("10.0.0.1", chain(b"junk, 198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", chain(b"10.1.1.1, 10.2.2.2"), "10.1.1.1"),
        ("10.0.0.1", chain(), "10.0.0.1"),
        ("::ffff:10.0.0.1", chain(b"198.51.100.1:5678"), "198.51.100.1"),
        ("fd00::1", chain(b"[2001:db8::1]:443"), "2001:db8::1"),
        ("fd00::1", chain(b"2001:db8::1%eth0"), "2001:db8::1"),
    ],
)
def test_a_chain_is_believed_from_trusted_proxies_and_read_from_the_right(
    peer: str, headers: list[tuple[bytes, bytes]], expected: str
) -> None:
    """What the caller wrote to the left of its own address does not count, nor what an untrusted peer says."""
    assert PROXIES.find((peer, 1), headers) == expected


def test_nobody_is_trusted_unless_listed() -> None:
    """By default the socket alone says where a caller is; loopback is no exception."""
    assert Addresses().find(("127.0.0.1", 1), chain(b"198.51.100.1")) == "127.0.0.1"
    assert Addresses().is_trusted("127.0.0.1") is False


@pytest.mark.parametrize("value", [b"", b"junk", b"1.2.3.4,", b"300.1.1.1", b"\xff", b"unknown", b"1.2.3.4:x"])
def test_a_chain_that_cannot_be_read_is_refused(value: bytes) -> None:
    """A proxy that sends it is set up wrongly: nobody may be taken for somebody else."""
    with pytest.raises(InvalidValue) as refused:
        PROXIES.find(("10.0.0.1", 1), chain(value))
    assert refused.value.field == "x-forwarded-for"


def test_a_caller_without_an_address_has_none() -> None:
    """On a Unix socket there is no peer."""
    assert (PROXIES.find(None, chain(b"198.51.100.1")), source("")) == ("", "")


@pytest.mark.parametrize("tunnel", ["2002:a00:1::5", "64:ff9b::a00:1"])
def test_an_address_that_holds_a_proxys_is_no_proxy(tunnel: str) -> None:
    """Whoever has such an IPv6 address may write any name to the left of it; the proxy vouches for this one alone."""
    assert PROXIES.find(("10.0.0.1", 1), chain(f"198.51.100.1, {tunnel}".encode())) == tunnel
    assert PROXIES.find((tunnel, 1), chain(b"198.51.100.1")) == tunnel


def test_a_proxy_that_says_nothing_is_noticed() -> None:
    """Where one caller must be told from another, its silence is a fault."""
    assert PROXIES.is_unforwarded(("10.0.0.1", 1), chain()) is True
    assert PROXIES.is_unforwarded(("10.0.0.1", 1), chain(b"198.51.100.1")) is False
    assert PROXIES.is_unforwarded(("192.0.2.7", 1), chain()) is False
    assert PROXIES.is_unforwarded(None, chain()) is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("64:ff9b::c000:207", "192.0.2.7"),
        ("2002:c000:0207::1", "192.0.2.7"),
        ("2001:DB8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "nonsense"),
    ],
)
def test_one_caller_is_one_source(text: str, expected: str) -> None:
    """However its address is written."""
    assert source(text) == expected


@given(V4)
def test_every_form_of_an_ipv4_address_is_one_source(address: IPv4Address) -> None:
    """Plain, mapped, translated, with a port, through a proxy."""
    number = int(address)
    forms = (f"::ffff:{address}", str(IPv6Address((0x64FF9B << 96) | number)), f"{address}:80", f" {address} ")
    assert {source(form) for form in forms} == {str(address)}
    assert PROXIES.find(("10.0.0.1", 1), chain(str(address).encode())) == str(address)


@given(V6, st.integers(0, 2**64 - 1))
def test_an_ipv6_network_is_one_source(address: IPv6Address, low: int) -> None:
    """Whatever the lower half is; and counting a source again changes nothing."""
    other = IPv6Address(int(address) >> 64 << 64 | low)
    if not all("/" in source(str(one)) for one in (address, other)):  # then it embeds an IPv4 address
        return
    assert source(str(address)) == source(str(other)) == source(source(str(address)).removesuffix("/64"))


@given(V6, st.integers(1, 2**64 - 1))
def test_another_network_is_another_source(address: IPv6Address, step: int) -> None:
    """Two networks of 64 bits are never counted together, unless they embed one IPv4 address."""
    other = IPv6Address((int(address) + (step << 64)) % 2**128)
    if not all("/" in source(str(one)) for one in (address, other)):  # then it embeds an IPv4 address
        return
    assert source(str(address)) != source(str(other))


@given(st.text(max_size=60))
def test_any_text_has_a_source(text: str) -> None:
    """Nothing that comes in can fail here."""
    assert isinstance(source(text), str)


@given(st.lists(st.sampled_from([b"10.0.0.9", b"203.0.113.5", b"x", b"", b"fd00::1"]), min_size=1, max_size=6), V4)
def test_what_stands_left_of_the_caller_never_counts(left: list[bytes], caller: IPv4Address) -> None:
    """A caller may write what it likes: the proxy adds where it really is."""
    value = b", ".join([*left, str(caller).encode(), b"10.0.0.2"])
    assert PROXIES.find(("10.0.0.1", 1), chain(value)) == str(caller)
