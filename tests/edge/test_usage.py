"""What a key used, over HTTP; that streams hear of real calls is in `tests/journeys/test_end_users.py`."""

from datetime import timedelta

import pytest

from tests.edge.stage import CALL_KEY, Answer, Stage, a_stage, bearer, call
from tollbar.domain.identity import Holder
from tollbar.domain.money import Unit
from tollbar.domain.records import DayUsage, Spending

pytestmark = pytest.mark.anyio
PATH = "/v1/me/usage"


async def ask(stage: Stage, query: bytes = b"", *headers: tuple[bytes, bytes]) -> Answer:
    """The usage of the key for calls."""
    return await call(stage.application, "GET", PATH, (bearer(CALL_KEY), *headers), query_string=query).answer()


async def test_usage_is_told_by_day_with_the_end_of_what_is_left() -> None:
    """For as many days as are asked for."""
    stage = await a_stage()
    today = stage.scene.clock.now().date()
    stage.scene.ledger.grant(Unit.CREDITS, 30, CALL_KEY[8:18])
    stage.usage.days = [DayUsage(today, "m", 3, 10, 20, 3, 10**9, 1)]
    stage.usage.spent = {Holder.KEY: Spending(today - timedelta(days=1), 3, 10**9, 30)}
    told = (await ask(stage, b"days=7")).json()
    assert (told["total"]["calls"], told["days"][0]["model"], told["end_user"]) == (3, "m", None)
    assert stage.usage.asked == [(CALL_KEY[8:18], None, today - timedelta(days=6))]
    [allowance] = told["allowances"]
    assert (allowance["left"], allowance["per_day"] > 0, allowance["runs_out_at"] is not None) == (30, True, True)


@pytest.mark.parametrize("query", [b"days=0", b"days=367", b"days=x", b"days=-1", "days=²".encode(), b"user=ana"])
async def test_what_cannot_be_told_is_refused(query: bytes) -> None:
    """A number of days that is none, and an end user of a key that tells none apart."""
    answer = await ask(await a_stage(), query)
    assert (answer.status, answer.json()["error"]["code"]) == (400, "invalid_value")


async def test_a_stream_ends_with_the_key_and_with_the_server() -> None:
    """A server that is about to stop says so by ending it."""
    stage = await a_stage()
    stage.is_ready = False
    answer = await stage.ask("GET", f"{PATH}/stream", bearer(CALL_KEY))
    assert (answer.status, answer.body, answer.header("content-type")) == (
        *(200, b": listening\n\n"),
        "text/event-stream; charset=utf-8",
    )
