"""Which server a command talks to, and with which key.

Without an address it is the one that this directory's settings start. Without a key, and only for that very server, the
store in the data directory gives a fresh secret of the starter key: whoever can open the store could make any key. It
lasts a day at most, calls models and nothing else, is shown to nobody and written nowhere. It is made only once the
server has asked for a key.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tollbar.cli import output
from tollbar.cli.client import Client, Trouble
from tollbar.cli.conversation import model_names

if TYPE_CHECKING:
    from tollbar.settings import Settings


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answered: the client, the models it lists, and the default of a server of these settings."""

    client: Client
    names: tuple[str, ...]
    default_model: str = ""


def find_server(url: str | None, key: str | None) -> Server:
    """The server that is meant, having asked it for its models; raises Trouble, SettingsError, and what a store may."""
    from tollbar.cli.context import command_key, read_settings

    key = command_key() if key is None else key
    if url is not None and key:
        client = Client(api_address(url), key)
        return Server(client, _names(client))
    settings = read_settings(None, None)
    own = own_address(settings)
    client = Client(api_address(url or own), key)
    is_own = client.url == api_address(own) and settings.server.is_loopback
    try:
        names = _names(client)
    except Trouble as trouble:
        if trouble.status != 401 or key or not is_own or not _has_store(settings):
            raise
        client = replace(client, key=asyncio.run(_starter_key(settings)))
        names = _names(client)
    return Server(client, names, _default_model(settings) if is_own else "")


def api_address(url: str) -> str:
    """The base of the API: an address without a path gets `/v1`, another is taken as it is."""
    address = url if "://" in url else f"http://{url}"
    return f"{address.rstrip('/')}/v1" if urlsplit(address).path in {"", "/"} else address.rstrip("/")


def own_address(settings: "Settings") -> str:
    """Where the server of these settings is reached from this machine."""
    host = "127.0.0.1" if settings.server.host in {"0.0.0.0", "::", "localhost"} else settings.server.host
    return f"http://[{host}]:{settings.server.port}" if ":" in host else f"http://{host}:{settings.server.port}"


def _names(client: Client) -> tuple[str, ...]:
    if client.key and not client.is_loopback and client.url.startswith("http://"):
        output.note(f"note: the key goes to {client.url} unencrypted.")
    return model_names(client)


def _has_store(settings: "Settings") -> bool:
    from tollbar.storage.engine import DATABASE

    return (settings.data / DATABASE).exists()


async def _starter_key(settings: "Settings") -> str:
    from tollbar.admin.bootstrap import renew_starter_key
    from tollbar.cli.store import open_store

    async with open_store(settings) as desk:
        return await renew_starter_key(desk.keys, desk.clock, desk.digest)


def _default_model(settings: "Settings") -> str:
    """The model that a start of these settings names; the server may have found more on this machine."""
    from tollbar.app.catalogue import offer
    from tollbar.clock import SystemClock
    from tollbar.providers import vendors
    from tollbar.providers.prices import Prices

    return offer(settings, vendors.load(), (), Prices(lambda: SystemClock().now().date())).catalogue.default_model
