"""Rates and concurrency: never one too many, told to the caller exactly, and all of a call's limits or none."""

from concurrent.futures import ThreadPoolExecutor

import requests

from tests.journeys.bodies import chat, frames
from tests.journeys.stand import Gateway, wait_until
from tests.upstream import FakeUpstream
from tollbar.domain.identity import assemble

KINDS = ("limit", "remaining", "reset")
CALLERS = 60


def standing(answer: requests.Response, measure: str = "requests") -> tuple[str, ...]:
    """The limit, what remains of it, and when all of it is free again, as the headers tell."""
    return tuple(answer.headers[f"x-ratelimit-{kind}-{measure}"] for kind in KINDS)


def test_requests_per_minute_are_counted_down_and_refused(gateway: Gateway, up: FakeUpstream) -> None:
    """Three are answered with what remains, the fourth is told when to return, and the provider saw three."""
    key = gateway.make_key("ana", rpm=3)
    before = len(up.journal)
    answers = [gateway.post(key, chat("lab/ok")) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [standing(answer)[:2] for answer in answers] == [("3", "2"), ("3", "1"), ("3", "0"), ("3", "0")]
    refused = answers[-1]
    error = refused.json()["error"]
    assert (error["code"], error["type"]) == ("rate_limit_exceeded", "rate_limit_error")
    assert error["message"] == "Rate limit exceeded: 3 per 1 minute"
    assert 58 <= int(refused.headers["retry-after"]) <= 61
    assert all(58 <= int(standing(answer)[2].removesuffix("s")) <= 61 for answer in answers)
    assert "x-should-retry" not in refused.headers
    assert len(up.journal) - before == 3


def test_a_crowd_gets_exactly_the_rate(gateway: Gateway, up: FakeUpstream) -> None:
    """Sixty calls at once on twenty a minute: twenty pass."""
    key = gateway.make_key("crowd", rpm=20, credits=100)
    before = len(up.journal)
    with ThreadPoolExecutor(CALLERS) as pool:
        codes = list(pool.map(lambda _: gateway.post(key, chat("lab/ok")).status_code, range(CALLERS)))
    assert (codes.count(200), codes.count(429)) == (20, 40)
    assert len(up.journal) - before == 20
    assert gateway.settled(key)["spent"] == 20


def test_the_tightest_window_is_told(gateway: Gateway) -> None:
    """With a minute and a day, the headers show the one that ends first, and the refusal names it."""
    key = gateway.make_key("ben", rpm=50, rpd=2)
    answers = [gateway.post(key, chat("lab/ok")) for _ in range(3)]
    assert [standing(answer)[:2] for answer in answers] == [("2", "1"), ("2", "0"), ("2", "0")]
    assert "2 per 1 day" in answers[-1].json()["error"]["message"]
    assert int(answers[-1].headers["retry-after"]) > 80_000


def test_tokens_are_taken_as_expected_and_corrected_to_what_was_used(gateway: Gateway) -> None:
    """A call takes its prompt and max_tokens; when it is over, the rest comes back."""
    key = gateway.make_key("bot", tpm=1_000)
    first = gateway.post(key, chat("lab/ok", max_tokens=490))
    second = gateway.post(key, chat("lab/ok", max_tokens=490))
    assert [standing(answer, "tokens")[:2] for answer in (first, second)] == [("1000", "500"), ("1000", "485")]
    assert "x-ratelimit-limit-requests" not in first.headers


def test_tokens_in_use_keep_others_out_until_they_come_back(gateway: Gateway, up: FakeUpstream) -> None:
    """While one call has taken nearly all, another is refused without being sent; afterwards it fits."""
    key = gateway.make_key("dan", tpm=1_000, credits=5)
    before = len(up.journal)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(gateway.post, key, chat("lab/gated", max_tokens=900))
        wait_until(lambda: gateway.allowance(key)["held"] == 1 and len(up.journal) == before + 1)
        refused = gateway.post(key, chat("lab/ok", max_tokens=900))
        assert refused.status_code == 429
        assert "1000 per 1 minute (tokens)" in refused.json()["error"]["message"]
        assert int(refused.headers["retry-after"]) >= 1
        assert len(up.journal) == before + 1
        assert gateway.allowance(key)["held"] == 1  # the refused call holds nothing
        up.gate.set()
        assert slow.result().status_code == 200
    gateway.settled(key)
    assert gateway.post(key, chat("lab/ok", max_tokens=900)).status_code == 200


def test_an_answer_longer_than_the_limit_is_paid_for_later(gateway: Gateway) -> None:
    """A limit smaller than an ordinary answer lets a short prompt through, one call at a time."""
    key = gateway.make_key("eva", tpm=20)
    assert gateway.post(key, chat("lab/ok")).status_code == 200
    refused = gateway.post(key, chat("lab/ok"))
    assert (refused.status_code, refused.headers["x-ratelimit-remaining-tokens"]) == (429, "5")


def test_calls_at_once(gateway: Gateway, up: FakeUpstream) -> None:
    """Of twelve streams four run; the others are refused at once; a slot is free as soon as a stream has ended."""
    key = gateway.make_key("four", concurrency=4)
    with ThreadPoolExecutor(12) as pool:
        calls = [pool.submit(gateway.post, key, chat("lab/gated", stream=True)) for _ in range(12)]
        wait_until(lambda: sum(call.done() for call in calls) == 8)
        up.gate.set()
        answers = [call.result() for call in calls]
    codes = [answer.status_code for answer in answers]
    assert (codes.count(200), codes.count(429)) == (4, 8)
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["message"] == "Too many calls: 4 at once"
    assert refused.headers["retry-after"] == "1"
    assert all(frames(answer.content)[-1] == "[DONE]" for answer in answers if answer.status_code == 200)
    assert [gateway.post(key, chat("lab/ok")).status_code for _ in range(5)] == [200] * 5


def test_slots_come_back_however_a_call_ends(gateway: Gateway, up: FakeUpstream) -> None:
    """Refusals, failures, cuts and faulty bodies give their slot back."""
    key = gateway.make_key("one", concurrency=1)
    up.plan("error-400", "error-401", "cut", "garbled")
    for body in (chat("lab/a"), chat("lab/b"), chat("lab/c", stream=True), chat("lab/d", stream=True), b"{", chat("?")):
        gateway.post(key, body)
        wait_until(lambda: gateway.calls() == 0)
    assert gateway.post(key, chat("lab/ok")).status_code == 200


def test_a_refused_call_touches_no_other_limit(gateway: Gateway, up: FakeUpstream) -> None:
    """What the slots refuse is not counted by the minute, and what the minute refuses is not counted by the day."""
    key = gateway.make_key("none", rpm=2, rpd=10, concurrency=1)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(gateway.post, key, chat("lab/gated"))
        wait_until(lambda: gateway.calls() == 1)
        assert [gateway.post(key, chat("lab/ok")).status_code for _ in range(5)] == [429] * 5
        up.gate.set()
        assert slow.result().status_code == 200
    last = gateway.post(key, chat("lab/ok"))
    assert (last.status_code, standing(last)[:2]) == (200, ("2", "0"))
    assert [gateway.post(key, chat("lab/ok")).status_code for _ in range(5)] == [429] * 5
    issued = next(row for row in gateway.admin("GET", "/keys")["data"] if row["name"].startswith("none"))
    gateway.admin("PATCH", f"/keys/{issued['id']}", {"rpm": 0})
    assert standing(gateway.post(key, chat("lab/ok")))[:2] == ("10", "7")


def test_a_faulty_request_stays_counted(gateway: Gateway) -> None:
    """What was let in and then found faulty has used its place."""
    key = gateway.make_key("typo", rpm=2)
    answers = [gateway.post(key, body) for body in (b"{", chat("nowhere"), chat("lab/ok"))]
    assert [answer.status_code for answer in answers] == [400, 404, 429]
    assert standing(answers[0])[:2] == ("2", "1")


def test_looking_is_not_calling(gateway: Gateway) -> None:
    """Models and the own account may be looked at without using the rate."""
    key = gateway.make_key("look", rpm=1)
    for _ in range(3):
        assert gateway.request("GET", "/v1/models", key).status_code == 200
        assert gateway.request("GET", "/v1/me", key).status_code == 200
    assert gateway.post(key, chat("lab/ok")).status_code == 200


def test_guessing_keys_is_slowed_and_harms_nobody_else(gateway: Gateway, key: str) -> None:
    """More than twenty wrong keys a minute from one address are refused as such; right ones from there still pass."""
    wrong = [assemble(f"{number:010d}", "w" * 28) for number in range(25)]
    codes = [gateway.post(each, chat("lab/ok")).status_code for each in wrong]
    assert codes == [401] * 20 + [429] * 5
    refused = gateway.request("GET", "/v1/me", wrong[0])
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert gateway.post(key, chat("lab/ok")).status_code == 200
