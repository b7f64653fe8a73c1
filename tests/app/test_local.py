"""The shelf and the engines, as the composition root puts them together."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.app.making import an_offer, settings_of
from tests.providers.local.making import shelve
from tollbar.app.catalogue import Offer
from tollbar.app.local import Stock, local_engines, local_terms, on_shelf, shelf_of
from tollbar.clock import SystemClock
from tollbar.domain.local_models import LocalModel
from tollbar.providers.local.memory import MEBIBYTE

pytestmark = pytest.mark.anyio


def test_the_settings_become_terms(tmp_path: Path) -> None:
    """Each of them, and the weights of the tiers."""
    yaml = """local: {memory_mib: 100, context_tokens: 99, parallel: 2, threads: 3, queue: 5, idle_seconds: 6}
tiers: {gold: {cost: 1, weight: 3}}
"""
    terms = local_terms(settings_of(tmp_path, yaml))
    assert (terms.memory_bytes, terms.context_tokens, terms.parallel) == (100 * MEBIBYTE, 99, 2)
    assert (terms.threads, terms.queue, terms.idle_seconds) == (3, 5, 6.0)
    assert (terms.weights["gold"], terms.weights["basic"]) == (3.0, 1.0)


def test_workers_share_the_memory(tmp_path: Path) -> None:
    """Each runs engines of its own, and all of them together take no more than one alone."""
    settings = settings_of(tmp_path, "local: {memory_mib: 100}\nserver: {workers: 4}\n")
    assert local_terms(settings).memory_bytes == 25 * MEBIBYTE


def test_the_first_that_was_pulled_comes_first(tmp_path: Path) -> None:
    """Whatever they are called."""
    shelf = shelf_of(settings_of(tmp_path))
    for number, name in enumerate(("zeta", "alpha")):
        shelve(shelf.folder, name)
        os.utime(shelf.folder / f"{name}.json", (number, number))
    assert [model.name for model in on_shelf(shelf)] == ["zeta", "alpha"]


async def test_a_change_of_the_shelf_is_noticed(tmp_path: Path) -> None:
    """Once: then the offer is another, and the engines know the models."""
    settings, base = settings_of(tmp_path), an_offer(tmp_path)
    shelf, clock = shelf_of(settings), SystemClock()

    def make(models: Sequence[LocalModel]) -> Offer:
        return replace(base, warnings=tuple(model.name for model in models))

    async with local_engines(settings, clock) as engines:
        stock = Stock(shelf, engines.fleet, make)
        assert (stock.look(), stock.offer.warnings) == (False, ())
        shelve(shelf.folder)
        assert (stock.look(), stock.look(), stock.offer.warnings) == (True, False, ("tiny",))
        assert list(await engines.provider.models()) == ["tiny"]
        shelf.remove("tiny")
        assert (stock.look(), stock.offer.warnings) == (True, ())
