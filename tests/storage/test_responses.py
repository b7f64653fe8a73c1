"""Responses that are kept: what is removed in time, and how much one key may have."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.test_responses import a_response
from tests.storage.making import StepClock, a_directory, number, opened
from tollbar.storage.statements import ANSWERS_PRUNED_AT_ONCE as PRUNED_AT_ONCE

pytestmark = pytest.mark.anyio


async def test_old_ones_and_those_beyond_the_most_are_removed(tmp_path: Path) -> None:
    """Of each key the oldest go; what another key has counts for nothing."""
    clock = StepClock()
    directory = a_directory(tmp_path)
    async with opened(directory, clock) as storage:
        for place in range(PRUNED_AT_ONCE + 2):
            await storage.responses.keep(a_response(f"r{place}"), timedelta(hours=1 + place % 2))
            clock.advance(1)
        await storage.responses.keep(a_response("r0", key="b"), timedelta(hours=2))
        clock.advance(3_601)
        assert await storage.responses.prune(10**6) == PRUNED_AT_ONCE // 2 + 1
        assert await storage.responses.prune(15) == PRUNED_AT_ONCE // 2 - 2
        kept = [place for place in range(PRUNED_AT_ONCE + 2) if await storage.responses.find("a", f"r{place}")]
        assert kept == [PRUNED_AT_ONCE - 3, PRUNED_AT_ONCE - 1, PRUNED_AT_ONCE + 1]
        assert await storage.responses.find("b", "r0") is not None
    assert number(directory, "SELECT count(*) FROM responses") == 4
