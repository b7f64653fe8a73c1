"""What `transformers serve` is asked, and what is refused because it would pass over it in silence."""

import json
from typing import Any

import pytest

from tollbar.providers.local.transformers.asking import RefusedError, read

SAID = [{"role": "user", "content": "Hi"}]


def body(**fields: Any) -> bytes:
    """A request's body."""
    return json.dumps({"model": "tiny", "messages": SAID, **fields}).encode()


def test_always_a_stream_of_the_folder_is_asked_for() -> None:
    """Whatever the caller wants of the form; the length is bounded later, when the prompt's is known."""
    asked = read(body(), "/models/tiny")
    assert json.loads(asked.body) == {
        "model": "/models/tiny", "stream": True, "messages": SAID, "max_tokens": 1 << 30,
    }  # fmt: skip
    assert (asked.is_stream, asked.wants_usage, asked.stops, asked.seed, asked.samples) == (
        False,
        False,
        (),
        None,
        False,
    )


def test_wishes_are_passed_on_or_kept() -> None:
    """Each where it can be granted."""
    wishes: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}, "stop": ["a", ""], "seed": 7}
    wishes |= {"temperature": 0.5, "top_p": 0.9, "max_tokens": 5, "user": "ana", "n": 1, "presence_penalty": 0.0}
    wishes |= {"tools": [{"type": "function"}], "tool_choice": "auto", "response_format": {"type": "text"}}
    asked = read(body(**wishes, logprobs=False, max_completion_tokens=None, logit_bias={"7": 5}), "/m")
    assert (asked.is_stream, asked.wants_usage, asked.stops, asked.seed, asked.samples) == (True, True, ("a",), 7, True)
    sent = json.loads(asked.body)
    assert {name: sent[name] for name in sent if name not in ("model", "messages", "stream")} == {
        "temperature": 0.5, "top_p": 0.9, "max_tokens": 5, "logit_bias": {"7": 5.0}, "stop": ["a"],
        "tools": [{"type": "function"}],
    }  # fmt: skip
    assert "tools" not in json.loads(read(body(tools=[{}], tool_choice="none"), "/m").body)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"top_k": 3}, "top_k"),
        ({"generation_config": "{}"}, "generation_config"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"seed": 2**64}, "seed"),
        ({"stop": [1]}, "stop"),
        ({"logit_bias": {"word": 1}}, "logit_bias"),
        ({"messages": []}, "messages"),
        ({"messages": ["Hi"]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages"),
    ],
)
def test_what_cannot_be_granted_is_refused_by_name(fields: dict[str, Any], field: str) -> None:
    """It would change the answer, and nobody would know."""
    with pytest.raises(RefusedError) as told:
        read(body(**fields), "/m")
    assert told.value.field == field


def test_messages_are_made_simple() -> None:
    """Templates know texts in one piece, and no developer."""
    parts = [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."}]
    messages = [{"role": "developer", "content": parts}, {"role": "assistant", "content": None, "tool_calls": []}]
    assert json.loads(read(body(messages=messages), "/m").body)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "", "tool_calls": []},
    ]


def test_a_body_that_is_none() -> None:
    """No JSON, or no object."""
    for raw in (b"{", b"[]", b"\xff"):
        with pytest.raises(RefusedError):
            read(raw, "/m")
