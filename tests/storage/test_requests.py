"""The request log's rows."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.storage.making import AT, StepClock, a_directory, a_line, a_record, estimating, number, opened, rows
from tollbar.domain.records import Attempt, CallHistory, Outcome, RequestRecord
from tollbar.domain.usage import Usage
from tollbar.storage import requests
from tollbar.storage.requests import from_row, to_row

pytestmark = pytest.mark.anyio

REFUSED = a_record()._replace(
    key_id=None,
    key_name=None,
    model=None,
    target=None,
    stream=False,
    status=429,
    error_code="rate_limit_exceeded",
    usage=None,
    provenance=None,
    cost_nano_dollars=None,
    attempts=(),
    first_token_seconds=None,
    stages={},
)


@pytest.mark.parametrize(
    "record",
    [
        a_record(),
        REFUSED,
        a_record(user="ünïcode\n\x00", usage=Usage(1, 2, 3, 4, 5, 6, 7)),
    ],
)
def test_a_record_comes_back_as_it_was(record: RequestRecord) -> None:
    """With all its figures, and with none."""
    assert from_row(to_row(record)) == record


def test_half_a_character_is_replaced() -> None:
    """A caller's JSON can hold what no file can; that is no way to stay out of the log."""
    attempts = (Attempt("main/\udfff", Outcome.FAILED, 0.0, 1.0),)
    record = from_row(to_row(a_record(user="a\ud800", model="\udfff", attempts=attempts)))
    assert (record.user, record.model, record.attempts[0].target) == ("a?", "?", "main/?")


async def test_a_record_is_found_by_its_id(tmp_path: Path) -> None:
    """What was written is read back; an unknown id is nobody's."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        for name in ("r1", "r2"):
            storage.log.write([a_record(name)])
        storage.log.flush()
        await storage.journal.flush()
        assert await storage.requests.find("r2") == a_record("r2")
        assert await storage.requests.find("r3") is None


async def test_figures_have_columns_of_their_own(tmp_path: Path) -> None:
    """What people will ask for can be asked in SQL."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        storage.log.write([a_record()])
    found = rows(directory, "SELECT prompt_tokens, completion_tokens, duration_microseconds, stream FROM requests")
    assert found == [(120, 30, 1_500_000, 1)]


@pytest.mark.parametrize("count", [3, requests.PRUNED_AT_ONCE + 3])
async def test_old_records_are_forgotten(tmp_path: Path, count: int) -> None:
    """All that are older, however many, and none that is not; and again, when nothing is left to forget."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        for place in range(count):
            storage.log.write([a_record(f"old{place}", at=AT - timedelta(days=2))])
            if place % 500 == 499:
                await storage.journal.flush()
        storage.log.write([a_record("new")])
        storage.log.flush()
        await storage.journal.flush()
        assert await storage.requests.prune(AT - timedelta(days=1)) == count
        assert await storage.requests.prune(AT - timedelta(days=1)) == 0
        assert rows(directory, "SELECT request_id FROM requests") == [("new",)]
        assert await storage.requests.prune(AT + timedelta(days=1)) == 1
        assert await storage.requests.prune(AT + timedelta(days=1)) == 0
    assert number(directory, "SELECT count(*) FROM requests") == 0


async def test_a_late_record_waits_for_the_next_time(tmp_path: Path) -> None:
    """An old record behind a newer one goes when that one goes: forgetting looks at the oldest rows only."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        storage.log.write([a_record("new")])
        storage.log.write([a_record("late", at=AT - timedelta(days=2))])
        storage.log.flush()
        assert await storage.requests.prune(AT - timedelta(days=1)) == 0
        assert await storage.requests.prune(AT + timedelta(days=1)) == 2


async def test_a_call_is_found_with_its_lines(tmp_path: Path) -> None:
    """In the order of its attempts and as they were written; either may be all there is."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        lines = (a_line("r1", attempt=0, paid=False, price_version=None), a_line("r1", attempt=1, flag="overrun"))
        held = await storage.ledger.reserve("r1", [], estimating("r1"))
        await storage.ledger.settle(held, [], lines)
        assert await storage.requests.history("r1") == CallHistory(None, lines)
        storage.log.write([a_record("r1"), a_record("r2")])
        storage.log.flush()
        both, alone = [await storage.requests.history(request_id) for request_id in ("r1", "r2")]
        assert both == CallHistory(a_record("r1"), lines)
        assert alone == CallHistory(a_record("r2"), ())
        assert await storage.requests.history("r3") is None
