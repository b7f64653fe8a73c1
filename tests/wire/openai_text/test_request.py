"""What is read of an older completion request, and what a chat can be told of it."""

import json
from typing import Any

import pytest

from tollbar.domain.conversation import Conversation, Sampling
from tollbar.domain.errors import RequestError
from tollbar.domain.messages import Message, Role, TextPart
from tollbar.wire.openai_text.request import decode


def raw(**fields: Any) -> bytes:
    """A body."""
    return json.dumps({"model": "m", "prompt": "Hi", **fields}).encode()


def test_a_whole_head_is_read() -> None:
    """An answer has sixteen tokens where nobody says how many."""
    found = decode(raw(stream=True, user="ana", stream_options={"include_usage": True}, logprobs=2))
    assert (found.model, found.stream, found.max_tokens, found.user) == ("m", True, 16, "ana")
    assert (found.wants_usage, found.features) == (True, {"logprobs"})
    assert decode(raw(max_tokens=7)).max_tokens == 7


@pytest.mark.parametrize(
    ("fields", "choices"),
    [
        ({}, 1),
        ({"n": 2, "best_of": 3}, 3),
        ({"prompt": ["a", "b"], "n": 2}, 4),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1], [2]]}, 2),
        ({"prompt": []}, 1),
    ],
)
def test_each_prompt_has_its_choices(fields: dict[str, Any], choices: int) -> None:
    """So that the most it may cost is held."""
    assert decode(raw(**fields)).choices == choices


def test_a_prompt_is_what_a_user_says() -> None:
    """With the same sampling; knobs that a chat does not have are named."""
    expected = Conversation(
        (Message(Role.USER, (TextPart("Hi"),)),),
        sampling=Sampling(temperature=0.5, seed=1, stop=("x",)),
        unmodelled=("logit_bias",),
    )
    wishes = {"temperature": 0.5, "seed": 1, "stop": "x", "logit_bias": {"5": 1}, "echo": False, "suffix": None}
    assert decode(raw(**wishes)).source.expand() == expected
    assert decode(raw(prompt=["Hi"])).source.expand().messages == expected.messages


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1]}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"echo": True}, "echo"),
        ({"suffix": "x"}, "suffix"),
        ({"logprobs": 0}, "logprobs"),
        ({"best_of": 2}, "best_of"),
        ({"stop": 5}, "stop"),
    ],
)
def test_what_a_chat_cannot_do_is_refused(fields: dict[str, Any], field: str) -> None:
    """By its name, when a chat is to do it."""
    found = decode(raw(**fields))
    with pytest.raises(RequestError) as fault:
        found.source.expand()
    assert fault.value.field == field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": ["a"] * 129}, "prompt"),
        ({"prompt": ["a"] * 65, "n": 2}, "prompt"),
        ({"model": None}, "model"),
        ({"n": 0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"Prompt": "x"}, "Prompt"),
        ({"stream_options": {"include_usage": 5}}, "stream_options.include_usage"),
    ],
)
def test_faults_are_named(fields: dict[str, Any], field: str) -> None:
    """By the field."""
    with pytest.raises(RequestError) as fault:
        decode(raw(**fields))
    assert fault.value.field == field
