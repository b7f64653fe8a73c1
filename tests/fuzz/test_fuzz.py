"""A campaign of a few seconds, the same each time; `python3 dev.py fuzz --seconds N` looks further."""

from random import Random

import pytest

from tests.fuzz import targets
from tests.fuzz.campaign import Campaign
from tests.fuzz.mutation import Mutator

ROUNDS = 4_000


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    """One campaign."""
    return Campaign(seed=20261129)


def test_the_seeds_are_good(campaign: Campaign) -> None:
    """Each dialect reads its own questions, and each wire is heard: there is something for mutations to break."""
    ends: dict[str, set[str]] = {}
    for target, end in campaign.seeds(most=10):
        ends.setdefault(target, set()).add(end)
    assert [target for target, found in ends.items() if "POST" in target and found <= {"MissingField model"}] == []
    heard = [target for target, found in ends.items() if any("Finished" in end for end in found)]
    assert len(heard) == 2 * len(targets.WIRES)


def test_no_input_breaks_a_codec(campaign: Campaign) -> None:
    """Nothing but our own errors is raised, what is written is JSON, and chunks change nothing."""
    campaign.run(ROUNDS)
    assert [(found.target, found.told, found.raw) for found in campaign.findings] == []
    assert campaign.outcomes > 200


def test_a_broken_promise_is_found() -> None:
    """A codec that raises anything else, or one that hears something else in pieces, is told of."""
    campaign = Campaign(seed=1, only="ollama stream")
    (pool,) = campaign.pools

    def fails(random: Random, mutator: Mutator, raw: bytes) -> str:
        if b"word2" not in raw:
            raise KeyError("word2")
        return ""

    pool.run = fails
    campaign.run(60)
    assert [(found.target, found.place.rpartition(" ")[2]) for found in campaign.findings] == [
        ("ollama stream", "KeyError")
    ]
