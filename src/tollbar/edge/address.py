"""Where a caller is, and what it is counted as.

Guarantees: `X-Forwarded-For` counts only when a trusted proxy sent it, and is read from the right: the first hop that
is no trusted proxy is the caller, whatever the caller itself wrote to the left of it. One caller has one `source`,
however its address is written: IPv4 inside IPv6 is IPv4, and an IPv6 network of 64 bits, which is what one household
gets, is one source. Never: `Forwarded`, `X-Real-IP` or any other header that a caller could send past the proxy.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from tollbar.domain.errors import InvalidValue

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

FORWARDED = b"x-forwarded-for"
SOURCE_BITS = 64
"""The part of an IPv6 address that one caller cannot choose for itself (RFC 6177)."""
NAT64 = IPv6Network("64:ff9b::/96")
"""IPv4 as IPv6-only networks write it (RFC 6052)."""
REMEMBERED = 8_192

# Some proxies write the port as well: 192.0.2.7:5678 or [2001:db8::1]:5678.
_WITH_PORT = re.compile(r"(?:(\d{1,3}(?:\.\d{1,3}){3})|\[([^\[\]]{2,64})\])(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Finds a caller's address. `trusted` are the networks of the proxies that are believed; by default nobody is."""

    trusted: tuple[Network, ...] = ()

    def find(self, client: object, headers: Sequence[tuple[bytes, bytes]]) -> str:
        """The caller's address, empty for one that has none; `client` is the socket's other end, as ASGI tells it.

        Raises InvalidValue when a trusted proxy sent a chain that cannot be read.
        """
        peer = str(client[0]) if isinstance(client, tuple | list) and client else ""
        if not self.trusted or not self.is_trusted(peer):
            return peer
        chain = [value for name, value in headers if name == FORWARDED]
        if not chain:
            return peer
        address: Address | None = None
        for hop in reversed(b",".join(chain).decode("latin-1").split(",")):
            address = read(hop)
            if address is None:
                raise InvalidValue(
                    "The X-Forwarded-For header holds something that is no address.",
                    hint="The proxy in front of Tollbar must write it, not pass on what callers send.",
                    field="x-forwarded-for",
                )
            if not self._covers(address):
                break
        return str(address)

    def is_trusted(self, text: str) -> bool:
        """Whether an address is in one of the trusted networks."""
        address = read(text) if self.trusted else None
        return address is not None and self._covers(address)

    def is_unforwarded(self, client: object, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Whether a trusted proxy brought a request without saying for whom."""
        peer = str(client[0]) if isinstance(client, tuple | list) and client else ""
        return self.is_trusted(peer) and all(name != FORWARDED for name, _ in headers)

    def _covers(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self.trusted)


NOBODY_TRUSTED = Addresses()
"""Callers are where their sockets are."""


def read(text: str) -> Address | None:
    """The address that a text stands for, in its plainest form; None when it stands for none."""
    text = text.strip()
    match = _WITH_PORT.fullmatch(text)
    if match is not None:
        text = match[1] or match[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or address


@lru_cache(maxsize=REMEMBERED)
def source(text: str) -> str:
    """What an address is counted as: itself, or its network of 64 bits; a text that is no address is taken as it is."""
    address = read(text)
    match address:
        case None:
            return text
        case IPv4Address():
            return str(address)
        case IPv6Address():
            if embedded := _embedded(address):
                return str(embedded)
            return str(IPv6Network((int(address), SOURCE_BITS), strict=False))


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a tunnel or a translator stands for. It is counted as that, and never trusted as that."""
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else address.sixtofour
