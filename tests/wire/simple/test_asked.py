"""A simple request becomes a conversation, with what its rules add."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import Role
from tollbar.wire.dialect import Incoming
from tollbar.wire.simple.asked import BYTES_AROUND, CHAT, GENERATE, QUESTION, RESPONSE, WIRE, Shape, reader
from tollbar.wire.simple.rules import USUAL_RULES, Manner

RULES = replace(USUAL_RULES, system_prompt="Be brief.")


def asked(shape: Shape, body: dict[str, Any], manner: Manner = RULES.cloud, **more: Any) -> CompletionRequest:
    """What a request of this shape asks for."""
    return reader(shape, RULES, manner)(Incoming(json.dumps(body).encode(), **more))


def said(request: CompletionRequest) -> list[tuple[str, str]]:
    """Who says what."""
    return [(message.role.value, message.text) for message in request.source.expand().messages]


@pytest.mark.parametrize(("shape", "field"), [(GENERATE, "prompt"), (QUESTION, "text"), (CHAT, "prompt")])
def test_the_words_are_the_users(shape: Shape, field: str) -> None:
    """Under the name that the address has for them, spaces kept, after the configured system prompt."""
    request = asked(shape, {field: " Hi\n"})
    assert said(request) == [("system", "Be brief."), ("user", " Hi\n")]
    assert (request.source.wire, request.stream, request.model) == (WIRE, False, "")
    assert request.prompt_bytes == len("Be brief. Hi\n") + 2 * BYTES_AROUND


def test_a_system_prompt_of_ones_own_goes_before_the_configured_one() -> None:
    """And an empty one is none."""
    assert said(asked(RESPONSE, {"message": "Hi", "system_prompt": "Sing."}))[0] == ("system", "Sing.")
    assert said(asked(RESPONSE, {"message": "Hi", "system_prompt": " "})) == [("user", "Hi")]
    without = reader(GENERATE, USUAL_RULES, USUAL_RULES.cloud)(Incoming(b'{"prompt": "Hi"}'))
    assert [message.role for message in without.source.expand().messages] == [Role.USER]


@pytest.mark.parametrize(("manner", "expected"), [(RULES.cloud, (0.7, None, 1_000)), (RULES.local, (0.0, 0.9, 500))])
def test_what_is_left_out_is_as_the_rules_say(
    manner: Manner, expected: tuple[float | None, float | None, int | None]
) -> None:
    """Cloud and local models have their own defaults; what is said counts, zero included."""
    request = asked(GENERATE, {"prompt": "Hi"}, manner)
    sampling = request.source.expand().sampling
    assert (sampling.temperature, sampling.top_p, request.max_tokens) == expected
    own = asked(GENERATE, {"prompt": "Hi", "temperature": 0, "top_p": 0, "max_tokens": 7}, manner)
    sampling = own.source.expand().sampling
    assert (sampling.temperature, sampling.top_p, own.max_tokens) == (0, 0, 7)


def test_a_default_is_never_beyond_what_may_be_asked_for() -> None:
    """Whoever lowers the bound need not lower the default."""
    assert asked(CHAT, {"prompt": "Hi"}, replace(RULES.cloud, most_tokens=10)).max_tokens == 10


@pytest.mark.parametrize(
    ("shape", "body", "manner", "field", "bounds"),
    [
        (GENERATE, {"prompt": " ", "temperature": 9}, RULES.cloud, "prompt", (1, 1_000, 0)),
        (GENERATE, {"prompt": "x" * 1_001}, RULES.cloud, "prompt", (1, 1_000, 1_001)),
        (QUESTION, {"text": ""}, RULES.cloud, "text", (1, 1_000, 0)),
        (GENERATE, {"prompt": "x", "temperature": 3.5}, RULES.cloud, "temperature", (0, 2, 3.5)),
        (GENERATE, {"prompt": "x", "top_p": 1.01}, RULES.cloud, "top_p", (0, 1, 1.01)),
        (GENERATE, {"prompt": "x", "max_tokens": 0}, RULES.cloud, "max_tokens", (1, 16_384, 0)),
        (GENERATE, {"prompt": "x", "max_tokens": 16_385}, RULES.cloud, "max_tokens", (1, 16_384, 16_385)),
        (GENERATE, {"prompt": "x", "max_tokens": 2_001}, RULES.local, "max_tokens", (1, 2_000, 2_001)),
        (RESPONSE, {"message": "x", "tokens": -1}, RULES.cloud, "tokens", (1, 16_384, -1)),
    ],
)
def test_a_value_out_of_bounds_is_told_with_them(
    shape: Shape, body: dict[str, Any], manner: Manner, field: str, bounds: tuple[float, float, float]
) -> None:
    """For programs to show."""
    with pytest.raises(InvalidValue) as fault:
        asked(shape, body, manner)
    assert fault.value.field == field
    assert tuple(fault.value.details[name] for name in ("min", "max", "received")) == bounds


def test_fields_of_other_addresses_are_not_read() -> None:
    """Whatever they hold."""
    request = asked(QUESTION, {"text": "Hi", "temperature": "hot", "max_tokens": -5, "prompt": 5})
    assert request.max_tokens == 1_000


def test_the_name_in_the_address_is_the_model() -> None:
    """And whether to stream may be said in the address or in the body."""
    request = asked(GENERATE, {"prompt": "Hi"}, name="a/b", query=b"stream=true")
    assert (request.model, request.stream) == ("a/b", True)
    assert asked(GENERATE, {"prompt": "Hi", "stream": True}).stream is True
    message = Incoming(b"", query=b"message=Hi&tokens=5&system_prompt=Sing.", method="GET")
    read = reader(RESPONSE, RULES, RULES.cloud)(message)
    assert (said(read), read.max_tokens) == ([("system", "Sing."), ("user", "Hi")], 5)
