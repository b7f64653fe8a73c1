"""What the settings say of callers, in the product's own values."""

from ipaddress import ip_network
from pathlib import Path

from tests.app.making import settings_of
from tollbar.app.callers import addresses


def test_trusted_proxies_are_networks(tmp_path: Path) -> None:
    """Nobody by default; an address alone is a network of one."""
    assert addresses(settings_of(tmp_path)).trusted == ()
    settings = settings_of(tmp_path, "server: {trusted_proxies: [10.1.2.3/8, 127.0.0.1]}\n")
    assert addresses(settings).trusted == (ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"))
