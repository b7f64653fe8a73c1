"""`tollbar explain request`, over a real store."""

import asyncio

import pytest

from tests.cli.running import Terminal
from tests.storage.making import a_line, a_record, estimating
from tollbar.cli.context import instance_keys, read_settings
from tollbar.cli.histories import say_history
from tollbar.clock import SystemClock
from tollbar.domain.records import CallHistory, Outcome
from tollbar.storage.store import Options, open_storage


def test_a_call_is_explained(terminal: Terminal) -> None:
    """What the ledger and the record have of it, for people and for programs."""
    settings = read_settings(None, None)

    async def call() -> None:
        options = Options(instance_keys(settings).check)
        async with open_storage(settings.data, SystemClock(), options) as storage:
            await storage.ledger.start(is_alone=True)
            held = await storage.ledger.reserve("r1", [], estimating("r1"))
            await storage.ledger.settle(held, [], [a_line("r1")])
            storage.log.write([a_record("r1")])

    asyncio.run(call())
    said = terminal.good("explain", "request", "r1").out
    for line in ("route    /v1/chat/completions", "dollars     $0.20", "prompt      120 tokens at $1 per million"):
        assert line in said
    told = terminal.good("explain", "request", "r1", "--json").value
    assert (told["lines"][0]["dollars"], told["key_id"]) == (0.2, "somebody")


def test_what_cannot_be_explained_is_said(terminal: Terminal) -> None:
    """A call that never was, and a second word after a model."""
    assert "no such request" in terminal.run("explain", "request", "r2").err
    assert "one argument too many" in terminal.run("explain", "smart", "r2").err


def test_a_call_that_was_refused_cost_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Which is said, as there is no line that could."""
    record = a_record("r1")._replace(outcome=Outcome.REFUSED, status=429, error_code="insufficient_quota", attempts=())
    say_history("r1", CallHistory(record, ()))
    said = capsys.readouterr()
    assert "429 insufficient_quota" in said.out
    assert "nothing was charged" in said.err
