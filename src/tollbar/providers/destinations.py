"""Where a provider may be: which addresses we connect to at all.

Destinations come from the configuration alone. Even so, link-local addresses and the metadata services of clouds are
never a provider, however they are written: a mistake there would hand out the machine's own credentials. Loopback and
private networks are allowed, because that is where people run their own models.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

# Metadata services outside the link-local ranges: Amazon's over IPv6, Alibaba's.
METADATA = frozenset({IPv6Address("fd00:ec2::254"), IPv4Address("100.100.100.200")})
LONGEST_URL = 2_000


def url_fault(url: str) -> str:
    """What is wrong with a base URL; empty when it can be used."""
    if len(url) > LONGEST_URL or not url.isascii() or any(character <= " " for character in url):
        return "is no URL: it is too long, or holds blanks or characters beyond ASCII"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in {"http", "https"} or not host:
        return "must begin with http:// or https:// and name a host"
    if "@" in parts.netloc:
        return "must not hold a user or password: give the key as api_key"
    if "?" in url or "#" in url:
        return "must end with its path: no ? and no #"
    if is_forbidden(host):
        return "names a link-local address or a metadata service, which is never a provider"
    return ""


def is_forbidden(host: str) -> bool:
    """Whether a host is written as an address that we never connect to; False for names, which are looked up later."""
    address = read_address(host)
    if address is None:
        return False
    return address.is_link_local or address.is_multicast or address in METADATA


def is_this_machine(url: str) -> bool:
    """Whether a URL's host is loopback: `localhost` or an address of it."""
    host = urlsplit(url).hostname or ""
    address = read_address(host)
    return host == "localhost" if address is None else address.is_loopback


def read_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host stands for, if it is one: also as one number, octal, or IPv4 within IPv6."""
    bare = host.strip("[]").rstrip(".").partition("%")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return _read_odd_ipv4(bare)
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.sixtofour or _nat64(address) or address
    return address


def _read_odd_ipv4(text: str) -> IPv4Address | None:
    """The address behind forms that the C library takes for one, such as 2852039166 or 0xa9.254.169.254."""
    if not text or not all(part[:1].isdigit() for part in text.split(".")):
        return None
    try:
        return IPv4Address(socket.inet_aton(text))
    except OSError:
        return None


def _nat64(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address within the well-known NAT64 prefix (RFC 6052)."""
    packed = address.packed
    return IPv4Address(packed[12:]) if packed[:12] == bytes.fromhex("0064ff9b") + bytes(8) else None
