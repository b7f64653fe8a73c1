"""What the settings say of callers, in the product's own values."""

from ipaddress import ip_network
from pathlib import Path

from tests.app.making import settings_of
from tollbar.app.callers import addresses, doors, terms


def test_trusted_proxies_are_networks(tmp_path: Path) -> None:
    """Nobody by default; an address alone is a network of one."""
    assert addresses(settings_of(tmp_path)).trusted == ()
    settings = settings_of(tmp_path, "server: {trusted_proxies: [10.1.2.3/8, 127.0.0.1]}\n")
    assert addresses(settings).trusted == (ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"))


def test_tiers_have_their_price_and_their_name(tmp_path: Path) -> None:
    """Those of the settings, over the two that are there by default."""
    settings = settings_of(tmp_path, "tiers: {gold: {cost: 0}, basic: {cost: 5}}\n")
    assert terms(settings).tiers == {"gold": 0, "basic": 5, "premium": 1}
    assert doors(settings).tiers == {"gold", "basic", "premium"}
