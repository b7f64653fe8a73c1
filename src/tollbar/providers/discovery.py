"""Finds the model servers that run on this machine, by asking at their usual ports.

Guarantees: all ports at once, within a fraction of a second in all; never raises, and takes no unrelated program for a
model server: only a list of models in OpenAI's shape counts, and not Tollbar's own. It sends no key to anybody, so a
server that wants one has to be configured.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tollbar.domain.catalogue import Timeouts
from tollbar.domain.errors import UpstreamError
from tollbar.providers.destinations import url_fault
from tollbar.providers.faults import Peer
from tollbar.providers.transport import Transport, endpoint
from tollbar.providers.vendors import Instance, Vendor

SECONDS = 0.3
OLLAMA_PORT = 11434
OWN_NAME = "tollbar"
LONGEST_NAME = 200
MOST_MODELS = 1_000


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that was found, ready to be a provider, and the names of its models (none when it has none yet)."""

    instance: Instance
    models: tuple[str, ...]


async def discover(
    vendors: Mapping[str, Vendor],
    transport: Transport,
    ollama_host: str = "",
    skip_ports: Collection[int] = (),
    seconds: float = SECONDS,
) -> tuple[LocalServer, ...]:
    """The local servers that answer now, in the order of the vendors' rows.

    `ollama_host` is what the variable OLLAMA_HOST holds; `skip_ports` are our own.
    """
    asked: dict[str, list[Vendor]] = {}
    for vendor in vendors.values():
        if vendor.is_local:
            address = ollama_url(ollama_host) if vendor.name == "ollama" and ollama_host else vendor.base_url
            if not url_fault(address) and urlsplit(address).port not in skip_ports:
                asked.setdefault(address, []).append(vendor)
    timeouts = Timeouts(connect=seconds, first_byte_plain=seconds, between_bytes=seconds, total=seconds)
    probes = (_probe(address, sharing, transport, timeouts) for address, sharing in asked.items())
    found = await asyncio.gather(*probes)
    return tuple(server for server in found if server is not None)


def ollama_url(host: str) -> str:
    """The address behind the forms that OLLAMA_HOST may have: `host`, `host:port`, `:port`, a URL; 0.0.0.0 is here."""
    text = host.strip().strip("\"'")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    authority, _, path = rest.partition("/")
    name, colon, port = authority.rpartition(":")
    if not colon or not port.isdecimal():
        usual = {"http": OLLAMA_PORT if not separator else 80, "https": 443}.get(scheme, OLLAMA_PORT)
        name, port = authority.rstrip(":"), str(usual)
    if name in {"", "0.0.0.0", "[::]", "::"}:
        name = "127.0.0.1"
    base = f"{scheme}://{name}:{port}/{path}".rstrip("/")
    return base if base.endswith("/v1") else f"{base}/v1"


async def _probe(address: str, sharing: list[Vendor], transport: Transport, timeouts: Timeouts) -> LocalServer | None:
    """What answers at an address; None for nothing, or for something else."""
    try:
        to = endpoint(Peer(sharing[0].name), f"{address}/models", {})
        async with transport.get(to, timeouts) as answer:
            listed = read_list(await answer.read())
    except (UpstreamError, ValueError):
        return None
    if listed is None:
        return None
    models, owners = listed
    vendor = next((vendor for vendor in sharing if vendor.name in owners), sharing[0])
    return LocalServer(Instance(vendor.name, replace(vendor, base_url=address), address), models)


def read_list(document: bytes) -> tuple[tuple[str, ...], frozenset[str]] | None:
    """The models of a list in OpenAI's exact shape, and who owns them; None for anything else, and for ourselves."""
    try:
        found: Any = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("object") != "list" or "data" not in found:
        return None
    entries = found["data"] or []  # Ollama without models: null
    if not isinstance(entries, list) or len(entries) > MOST_MODELS:
        return None
    names: list[str] = []
    owners: set[str] = set()
    for entry in entries:
        name = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            return None
        names.append(name)
        owners.add(str(entry.get("owned_by", "")).lower())
    return None if OWN_NAME in owners else (tuple(names), frozenset(owners))
