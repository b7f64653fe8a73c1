"""How long answers usually are."""

from contextlib import suppress

import pytest

from tests.fakes import FakeProvider, refuses, says
from tests.making import PRINCIPAL, a_request, a_scene, an_answer, an_arrival
from tests.storage.making import a_line
from tollbar.domain.errors import UpstreamError, UpstreamRejected
from tollbar.domain.records import Outcome
from tollbar.domain.usage import Usage
from tollbar.gateway import learned
from tollbar.gateway.learned import ENOUGH, KEPT, MOST_KNOWN, Learned

pytestmark = pytest.mark.anyio


def test_the_usual_length_is_the_95th_percentile_of_the_last_answers() -> None:
    """Of each key and model by itself, and of nothing while there are too few; what is long ago is forgotten."""
    known = Learned()
    for tokens in range(ENOUGH - 1):
        known.note("k", "m", tokens)
    assert known.usual("k", "m") is None
    for tokens in [7, *range(100, 100 + KEPT)]:
        known.note("k", "m", tokens)
    assert known.usual("k", "m") == 100 + int(KEPT * learned.SHARE)
    assert (known.usual("k", "other"), known.usual("other", "m")) == (None, None)


def test_only_so_many_are_known() -> None:
    """Those that came first make room."""
    known = Learned()
    for number in range(MOST_KNOWN + 5):
        known.note(str(number), "m", 1)
    assert len(known._samples) == MOST_KNOWN


def test_what_was_settled_before_warms_it() -> None:
    """Complete answers that the caller paid alone."""
    known = Learned()
    usage = Usage(1, 50)
    lines = [a_line(usage=usage) for _ in range(ENOUGH)]
    known.warm([a_line(outcome=Outcome.BROKEN), a_line(paid=False), a_line(usage=Usage(5, 0)), *lines[1:]])
    assert known.usual("somebody", "smart") is None
    known.warm(lines[:1])
    assert known.usual("somebody", "smart") == 50


async def test_calls_teach_how_long_answers_are() -> None:
    """Those that end well; one that the provider refuses teaches nothing."""
    reports, refusal = says(*an_answer(usage=Usage(9, 400))), refuses(UpstreamRejected("The request is wrong."))
    scene = a_scene(FakeProvider(*[reports] * (ENOUGH - 1), refusal, reports))
    for number in range(ENOUGH + 1):
        with suppress(UpstreamError):
            async with (
                scene.gateway.enter(PRINCIPAL, an_arrival(f"r{number}")) as visit,
                scene.gateway.open(visit, a_request()) as reply,
            ):
                async for _ in reply.events:
                    pass
        learnt = scene.gateway.learned.usual(PRINCIPAL.key_id, "smart")
        assert learnt == (400 if number == ENOUGH else None)
