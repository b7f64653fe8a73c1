"""The guide with a real engine and a model that the test makes: a word of one's own finds what the page says."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.app.making import settings_of
from tests.providers.guide.test_index import PLAIN, SMALL
from tests.providers.guide.test_provider import QUESTION, Role, call, events_of, said, text_of
from tests.providers.local.vectors import shelve_vectors
from tollbar.app.local import local_engines, on_shelf, shelf_of
from tollbar.app.meaning import FOLDER, PulledEmbedder, learning, meaningful_guide
from tollbar.app.rounds import Rounds
from tollbar.clock import SystemClock
from tollbar.providers.guide import GuideProvider
from tollbar.providers.guide.index import GuideIndex
from tollbar.providers.guide.meaning import Meaning

pytestmark = pytest.mark.anyio

PAGES = replace(SMALL, passages=tuple(replace(each, body=each.title) for each in SMALL.passages))
MEANINGS = (("user", "colleague"), ("add", "employ"), ("key",), ("stream",), ("tokens",), ("proxy",), ("reverse",))


async def test_a_pulled_model_makes_the_guide_find_by_meaning(tmp_path: Path) -> None:
    """As soon as it is on the shelf: the engine is started, the vectors are kept, and the answer is another."""
    settings, clock = settings_of(tmp_path, "local: {threads: 1}\n"), SystemClock()
    shelf, question = shelf_of(settings), call(said((Role.USER, "Tollbar, employ colleague?")))
    async with local_engines(settings, clock) as engines:
        meaning = Meaning(PulledEmbedder(engines.fleet, engines.provider, clock), settings.data / FOLDER, 20.0)
        guide = GuideProvider(lambda: GuideIndex(PAGES, PLAIN), meaning)
        chore = asyncio.create_task(learning(guide, settings.data, Rounds(clock, print)))
        assert (guide.is_due, await guide.learn()) == (False, True)
        before = text_of(await events_of(guide, question))
        shelve_vectors(shelf.folder, MEANINGS)
        engines.fleet.know({model.name: model for model in on_shelf(shelf)})
        async with asyncio.timeout(60):
            while guide.is_due:  # noqa: ASYNC110 - the chore looks each second
                await asyncio.sleep(0.05)
        assert "**Create a key**" not in before
        assert "**Create a key**" in text_of(await events_of(guide, question))
        assert len(list((settings.data / FOLDER).glob("*.vectors"))) == 1
        engines.fleet.know({})
        assert text_of(await events_of(guide, question)) == before
        chore.cancel()


async def test_without_a_model_nothing_is_asked(tmp_path: Path) -> None:
    """The packaged guide answers by words, and nothing is learnt."""
    settings, clock = settings_of(tmp_path), SystemClock()
    async with local_engines(settings, clock) as engines:
        guide = meaningful_guide(settings, engines.fleet, engines.provider, clock)
        assert "tollbar keys rotate" in text_of(await events_of(guide, call(said((Role.USER, QUESTION)))))
        assert not guide.is_due
        assert not (settings.data / FOLDER).exists()
