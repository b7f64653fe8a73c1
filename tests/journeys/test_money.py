"""Allowances under concurrency: exactly as many calls succeed as are paid for, and the account adds up at all times."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import openai
import pytest

from tests.journeys.bodies import SAID, chat, frames
from tests.journeys.stand import Gateway, wait_until
from tests.upstream import FakeUpstream

CONFIG = """
models:
  plain: lab/plain
  slow: lab/slow-headers:150
  paced: lab/paced:20
  priced: {targets: [lab/priced], price: {input: 1, output: 2}}
  dear: {targets: [lab/dear], multiplier: 3}
  unpriced: lab/unpriced
  faulty: lab/context
  failing: {targets: [lab/error-500], attempts: 1}
  cut: {targets: [lab/cut], attempts: 1}
  two: lab/two
"""
CALLERS = 100
FIVE_TOKENS = {"max_tokens": 5}


async def at_once(gateway: Gateway, key: str, count: int, streams: bool) -> list[str]:
    """So many calls at the same time; for each `ok`, or what the SDK raised."""

    async def call() -> str:
        try:
            answer: Any = await client.chat.completions.create(model="slow", messages=SAID, stream=streams)
            if streams:
                said = [chunk.choices[0].delta.content or "" async for chunk in answer]
                return "ok" if "".join(said).startswith("word0") else "empty"
            return "ok" if answer.choices[0].message.content else "empty"
        except openai.APIStatusError as fault:
            return f"{type(fault).__name__} {fault.status_code} {fault.code}"

    async with gateway.async_sdk(key) as client:
        return await asyncio.gather(*(call() for _ in range(count)))


@pytest.mark.anyio
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("amount", [1, 5, 50, 80])
async def test_exactly_as_many_succeed_as_there_are_credits(
    gateway: Gateway, up: FakeUpstream, amount: int, streams: bool
) -> None:
    """A hundred calls at once on K credits: K are answered, the provider sees K, the rest are told that it is empty."""
    key = gateway.make_key("crowd", credits=amount)
    before = len(up.journal)
    outcomes = await at_once(gateway, key, CALLERS, streams)
    assert outcomes.count("ok") == amount
    assert set(outcomes) == {"ok", "RateLimitError 429 insufficient_quota"}
    assert len(up.journal) - before == amount
    told = await asyncio.to_thread(gateway.settled, key)
    assert (told["granted"], told["spent"], told["held"], told["left"]) == (amount, amount, 0, 0)


@pytest.mark.anyio
async def test_a_crowd_that_can_pay_is_served(gateway: Gateway) -> None:
    """Nobody is refused while there is enough for all, however the store hands it out."""
    key = gateway.make_key("rich", credits=2 * CALLERS)
    assert await at_once(gateway, key, CALLERS, streams=True) == ["ok"] * CALLERS
    assert (await asyncio.to_thread(gateway.settled, key))["left"] == CALLERS


def test_the_account_adds_up_while_calls_are_under_way(gateway: Gateway) -> None:
    """Whenever the holder asks, granted is spent, held and left together; what runs is held, and then spent."""
    key = gateway.make_key("ana", credits=20)
    seen: set[int] = set()
    with ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(gateway.post, key, chat("paced", stream=True)) for _ in range(6)]
        while not all(call.done() for call in calls):
            told = gateway.allowance(key)
            assert told["granted"] == told["spent"] + told["held"] + told["left"] == 20
            seen.add(told["held"])
    assert max(seen) == 6
    assert [frames(call.result().content)[-1] for call in calls] == ["[DONE]"] * 6
    told = gateway.settled(key)
    assert (told["spent"], told["left"]) == (6, 14)


def test_no_call_that_fails_costs_a_credit(gateway: Gateway, up: FakeUpstream) -> None:
    """Faulty bodies, unknown models, refusals, failures and cuts of the provider: the account stays as it was."""
    key = gateway.make_key("ben", credits=1)
    since = len(up.journal)
    bodies: list[Any] = [
        b"{",
        {"model": "plain"},
        chat("unknown"),
        chat("faulty"),
        chat("faulty", stream=True),
        chat("failing"),
        chat("failing", stream=True),
        chat("cut"),
        chat("cut", stream=True),
    ]
    for body in bodies:
        answer = gateway.post(key, body)
        assert answer.status_code >= 400 or b"stream_broken" in answer.content
        assert gateway.settled(key)["left"] == 1
    assert len(up.journal) - since == 6
    assert gateway.post(key, chat("plain")).status_code == 200
    assert gateway.settled(key)["left"] == 0


def test_tokens_are_charged_as_reported_until_no_call_fits(gateway: Gateway) -> None:
    """Each answer takes what the provider reports, 15 tokens; a call that is expected not to fit is refused."""
    key = gateway.make_key("bot", tokens=150)
    served = serve_until_refused(gateway, key, "plain")
    told = gateway.settled(key)
    assert (told["unit"], told["spent"], told["left"], served) == ("tokens", 150, 0, 10)


def test_dollars_are_charged_at_the_price_until_no_call_fits(gateway: Gateway) -> None:
    """Ten prompt tokens at a millionth of a dollar, five of the answer at two: 20 millionths each."""
    key = gateway.make_key("dan", dollars="0.0002")
    served = serve_until_refused(gateway, key, "priced")
    told = gateway.settled(key)
    assert (told["unit"], Decimal(str(told["spent"])), told["left"], served) == ("dollars", Decimal("0.0002"), 0, 10)


def test_concurrent_calls_do_not_overspend_tokens(gateway: Gateway) -> None:
    """Forty calls at once on room for ten: whoever is let in fits, and the rest is refused without a charge."""
    key = gateway.make_key("mob", tokens=150)
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: gateway.post(key, chat("slow", **FIVE_TOKENS)), range(40)))
    served = [answer.status_code for answer in answers].count(200)
    assert {200, 429} == {answer.status_code for answer in answers}
    assert 1 <= served <= 10
    told = gateway.settled(key)
    assert (told["spent"], told["held"]) == (15 * served, 0)


def test_a_price_that_is_unknown_is_no_price_of_nothing(gateway: Gateway, up: FakeUpstream) -> None:
    """A key with dollars cannot call a model without a price, but what is free costs it nothing."""
    key = gateway.make_key("eva", dollars=1)
    before = len(up.journal)
    refused = gateway.post(key, chat("unpriced"))
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "model")
    assert len(up.journal) == before
    assert gateway.post(key, chat("tollbar-guide")).status_code == 200
    assert gateway.settled(key)["spent"] == 0


def test_a_dear_model_costs_its_multiple(gateway: Gateway) -> None:
    """Three credits a call: seven credits are two calls, and one is left that buys nothing here."""
    key = gateway.make_key("gil", credits=7)
    assert [gateway.post(key, chat("dear")).status_code for _ in range(3)] == [200, 200, 429]
    assert gateway.settled(key)["left"] == 1
    assert gateway.post(key, chat("two", n=2)).status_code == 200  # two choices, one call
    assert gateway.settled(key)["left"] == 0


def test_every_allowance_of_a_key_must_have_room(gateway: Gateway, up: FakeUpstream) -> None:
    """With credits but without tokens, and the other way round, the call is refused and neither is touched."""
    for fields in ({"credits": 5, "tokens": 0}, {"credits": 0, "tokens": 10_000}):
        key = gateway.make_key("half", **fields)
        before = len(up.journal)
        answer = gateway.post(key, chat("plain", **FIVE_TOKENS))
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "insufficient_quota")
        assert len(up.journal) == before
        assert not any(allowance["held"] or allowance["spent"] for allowance in gateway.me(key)["allowances"])


def test_a_period_is_told_with_its_end(gateway: Gateway) -> None:
    """The holder sees when the allowance begins anew; one without a period says so."""
    now = datetime.now(UTC)
    told = gateway.allowance(gateway.make_key("may", credits=3, reset="day"))
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert (told["reset"], datetime.fromisoformat(told["resets_at"])) == ("day", midnight)
    told = gateway.allowance(gateway.make_key("jun", credits=3))
    assert (told["reset"], told["resets_at"]) == ("never", None)


def test_more_credits_count_at_once(gateway: Gateway) -> None:
    """An empty key that is given more calls on with the same secret."""
    issued = gateway.issue("ada", credits=1)
    key, path = issued["key"], f"/keys/{issued['id']}"
    assert [gateway.post(key, chat("plain")).status_code for _ in range(2)] == [200, 429]
    gateway.admin("PATCH", path, {"credits": 3})
    assert [gateway.post(key, chat("plain")).status_code for _ in range(3)] == [200, 200, 429]
    wait_until(lambda: gateway.admin("GET", path)["allowances"][0]["spent"] == 3)


def test_what_is_free_is_free(gateway: Gateway) -> None:
    """Looking at models and at one's own account costs nothing, also when nothing is left."""
    key = gateway.make_key("ida", credits=0)
    for path in ("/v1/models", "/v1/models/plain", "/v1/me"):
        assert gateway.request("GET", path, key).status_code == 200
    assert gateway.settled(key)["spent"] == 0


def test_the_ledger_and_the_accounts_agree(gateway: Gateway) -> None:
    """Over all that this module did: what each key spent is the sum of its paid lines, and nothing is held."""
    spent = gateway.query(
        "select keys.name, allowances.unit, allowances.spent,"
        " (select coalesce(sum(case allowances.unit when 'credits' then credits"
        "   when 'tokens' then prompt_tokens + completion_tokens else cost_nano_dollars end), 0)"
        "  from ledger where ledger.key_id = keys.id and paid) as billed"
        " from allowances join keys on keys.id = allowances.owner"
    )
    assert len(spent) > 10
    assert [row for row in spent if row["spent"] != row["billed"]] == []
    assert gateway.query("select * from holds") == []


def serve_until_refused(gateway: Gateway, key: str, model: str) -> int:
    """How many calls are served before one is refused."""
    for served in range(100):
        answer = gateway.post(key, chat(model, **FIVE_TOKENS))
        gateway.settled(key)
        if answer.status_code != 200:
            assert answer.json()["error"]["code"] == "insufficient_quota"
            return served
    raise AssertionError("never refused")
