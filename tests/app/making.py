"""Settings of a made directory as the composition root reads them, and what they offer."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tollbar.app.catalogue import Offer, offer
from tollbar.app.known import known_names
from tollbar.providers import vendors
from tollbar.providers.discovery import LocalServer
from tollbar.providers.prices import Prices
from tollbar.providers.vendors import Instance
from tollbar.settings import Settings, load

NOTHING = "127.0.0.1:9"
"""An address at which nobody listens."""


def settings_of(directory: Path, yaml: str = "", **environment: str) -> Settings:
    """The settings of a file and an environment; the data directory is below the one that is given."""
    (directory / "tollbar.yaml").write_text(yaml, encoding="utf-8")
    return load({"TOLLBAR_DATA": str(directory / "data"), **environment}, {}, known_names(), directory)


def an_offer(directory: Path, yaml: str = "", found: Sequence[LocalServer] = (), /, **environment: str) -> Offer:
    """What these settings offer, with the servers that were found."""
    return offer(settings_of(directory, yaml, **environment), vendors.load(), found, Prices(lambda: date(2026, 11, 20)))


def a_server(name: str = "ollama", *models: str) -> LocalServer:
    """A server that was found at its vendor's usual address."""
    vendor = vendors.load()[name]
    return LocalServer(Instance(name, vendor, vendor.base_url), models)
