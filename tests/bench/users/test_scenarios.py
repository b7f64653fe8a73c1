"""Who is imitated, and what counts as a good answer."""

import pytest

from bench.users.scenarios import CALLS, QUESTIONS, SCENARIOS, Call, Scenario, fault, filled_in, is_over_limit
from tollbar.edge import routes
from tollbar.edge.routes import public_path
from tollbar.wire import openai_chat

LIMITED = next(call for call in CALLS if call.is_limited)
OVER = '{"error":{"code":"RATE_LIMIT_EXCEEDED","message":"Rate limit exceeded: 10 per 1 minute"}}'
PLAIN, STREAM = (next(call for call in CALLS if call.is_stream is is_stream) for is_stream in (False, True))
GOOD = '{"choices": [{"index": 0, "finish_reason": "stop"}]}'
GOOD_STREAM = 'data: {"choices":[{"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def test_the_scenarios_are_those_that_were_promised() -> None:
    """Ten users for half a minute, fifty for two minutes, a hundred for five, and one that a person leads."""
    assert {
        "interactive": Scenario(),
        "quick": Scenario(10, 30),
        "heavy": Scenario(50, 120),
        "stress": Scenario(100, 300),
    } == SCENARIOS
    assert [name for name, scenario in SCENARIOS.items() if scenario.is_interactive] == ["interactive"]


def test_users_mix_their_calls() -> None:
    """Plain, streamed and simple calls are all there; each has a name of its own."""
    assert {call.is_stream for call in CALLS} == {True, False}
    called = {call.path.partition("?")[0].replace("MODEL", "{model_name}") for call in CALLS}
    assert {"/v1/models", "/health"} <= called
    # The dialects that users of a bench do not speak are left out, and what is the same as under /v1.
    spoken = {public_path(row.path) for row in routes.CALLS if row.is_simple or row.dialect is openai_chat.DIALECT}
    assert spoken - called == {"/chat/completions"}
    assert len({call.name for call in CALLS}) == len(CALLS)


def test_a_body_is_filled_in() -> None:
    """The model and the question stand where the table says, and nothing else changes."""
    assert filled_in(PLAIN.body, "a/b", QUESTIONS[0]) == {
        "model": "a/b",
        "messages": [{"role": "user", "content": QUESTIONS[0]}],
    }
    assert filled_in({"n": 1, "stream": True}, "a", "b") == {"n": 1, "stream": True}


@pytest.mark.parametrize(
    ("call", "status", "text", "wrong"),
    [
        (PLAIN, 200, GOOD, None),
        (PLAIN, 200, GOOD.replace(" ", ""), None),
        (PLAIN, 200, "{}", "the answer lacks"),
        (PLAIN, 429, OVER, "status 429"),
        (LIMITED, 429, OVER, None),
        (LIMITED, 429, OVER.replace("RATE_LIMIT_EXCEEDED", "INSUFFICIENT_CREDITS"), "status 429"),
        (LIMITED, 503, OVER, "status 503"),
        (STREAM, 200, GOOD_STREAM, None),
        (STREAM, 200, GOOD_STREAM.replace("data: [DONE]", ""), "the stream was cut"),
        (Call("models", 1, "GET", "/v1/models", holds='"MODEL"'), 200, '{"id": "a/b"}', None),
        (Call("models", 1, "GET", "/v1/models", holds='"MODEL"'), 200, '{"id": "b"}', "the answer lacks"),
    ],
)
def test_an_answer_is_judged_by_what_it_holds(call: Call, status: int, text: str, wrong: str | None) -> None:
    """A status is not enough: a stream must reach its end, a document must be one."""
    found = fault(call, status, text, "a/b")
    assert not (wrong and is_over_limit(call, status, text))
    assert (found is None) if wrong is None else (found or "").startswith(wrong)
