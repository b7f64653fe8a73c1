"""What Ollama's callers say is read whole, and refused by name where no other provider could be told."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.ollama.talk import JPEG, PNG
from tollbar.domain.conversation import Conversation, Format, OutputFormat, Sampling, Tool
from tollbar.domain.errors import RequestError
from tollbar.domain.messages import (
    ImagePart,
    Inline,
    Message,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from tollbar.wire.dialect import Incoming
from tollbar.wire.ollama.request import decode_chat, decode_generate


def chat(*said: object, **fields: Any) -> Conversation:
    """The conversation of a chat."""
    body = {"model": "m", "messages": said, **fields}
    return decode_chat(Incoming(json.dumps(body).encode())).source.expand()


def generate(**fields: Any) -> Conversation:
    """The conversation of a prompt."""
    return decode_generate(Incoming(json.dumps({"model": "m", **fields}).encode())).source.expand()


def test_calls_without_ids_are_numbered_and_answered_by_name() -> None:
    """The first call of a name that is not answered yet is the one that is; without a name, the first of all."""
    calls = [{"function": {"name": name, "arguments": {"n": n}}} for n, name in enumerate(("a", "b", "a"))]
    said = chat(
        {"role": "assistant", "content": "", "tool_calls": calls, "thinking": "Hm."},
        {"role": "tool", "content": "B", "tool_name": "b"},
        {"role": "tool", "content": "A", "tool_name": "a"},
        {"role": "tool", "content": "A again"},
        {"role": "tool", "content": "?", "tool_name": "c"},
    )
    assert said.messages[0] == Message(
        Role.ASSISTANT,
        (
            ThinkingPart("Hm."),
            ToolCallPart("call_1", "a", '{"n": 0}'),
            ToolCallPart("call_2", "b", '{"n": 1}'),
            ToolCallPart("call_3", "a", '{"n": 2}'),
        ),
    )
    answered = [
        part.call_id for message in said.messages[1:] for part in message.parts if isinstance(part, ToolResultPart)
    ]
    assert answered == ["call_2", "call_1", "call_3", "call_c"]


def test_ids_are_kept() -> None:
    """Newer clients send them."""
    call = {"id": "x1", "function": {"name": "a", "arguments": {}}}
    said = chat({"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "B", "tool_call_id": "x1"})
    assert said.messages == (
        Message(Role.ASSISTANT, (ToolCallPart("x1", "a", "{}"),)),
        Message(Role.TOOL, (ToolResultPart("x1", (TextPart("B"),)),)),
    )


def test_arguments_may_be_the_text_of_an_object_or_missing() -> None:
    """As clients of other dialects send them, lone surrogates and all."""
    raw = b'{"model":"m","messages":[{"role":"assistant","tool_calls":[%b]}]}'
    for arguments, read in ((b'"{\\"a\\":1}"', '{"a":1}'), (b"null", "{}"), (b'"\\ud800"', "\ufffd")):
        call = b'{"function":{"name":"f","arguments":%b}}' % arguments
        (message,) = decode_chat(Incoming(raw % call)).source.expand().messages
        assert message.parts == (ToolCallPart("call_1", "f", read),)


def test_a_prompt_is_a_turn() -> None:
    """With its system prompt and its pictures."""
    said = generate(prompt="Hi", system="Be brief.", images=[PNG, JPEG])
    assert said.messages == (
        Message(Role.SYSTEM, (TextPart("Be brief."),)),
        Message(
            Role.USER,
            (TextPart("Hi"), ImagePart(Inline("image/png", PNG)), ImagePart(Inline("image/jpeg", JPEG))),
        ),
    )


def test_options_are_wishes_and_unknown_ones_are_told() -> None:
    """By their path, as the caller wrote them; those that are empty were not said."""
    options = {"temperature": 1, "top_k": 5, "seed": 7.0, "stop": "x", "num_ctx": 8192, "num_predict": 9}
    said = chat(options=options, keep_alive="5m", truncate=False)
    assert said.sampling == Sampling(temperature=1.0, top_k=5, seed=7, stop=("x",))
    assert said.unmodelled == ("keep_alive", "options.num_ctx")


@pytest.mark.parametrize(
    ("think", "effort", "tokens"),
    [(None, None, None), (True, "medium", None), (False, None, 0), ("low", "low", None)],
)
def test_thinking(think: object, effort: str | None, tokens: int | None) -> None:
    """A word, or whether at all."""
    said = chat(think=think)
    assert (said.effort, said.thinking_tokens) == (effort, tokens)


def test_formats_and_tools() -> None:
    """A word or a schema; tools with their schemas as they are."""
    assert chat(format="json").output == OutputFormat(Format.JSON)
    assert chat(format={"type": "object"}).output == OutputFormat(Format.SCHEMA, "answer", '{"type": "object"}')
    assert chat(format="").output is None
    tool = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"a": 1}}}
    assert chat(tools=[tool, {"function": {"name": "g"}}]).tools == (Tool("f", "d", '{"a": 1}'), Tool("g"))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"raw": True}, "raw"),
        ({"suffix": "x"}, "suffix"),
        ({"template": "x"}, "template"),
        ({"context": [1]}, "context"),
        ({"logprobs": True}, "logprobs"),
        ({"format": "yaml"}, "format"),
        ({"think": "max"}, "think"),
        ({"think": 5}, "think"),
        ({"images": ["????"]}, "images[0]"),
        ({"options": {"temperature": "hot"}}, "options.temperature"),
        ({"options": {"stop": 5}}, "options.stop"),
    ],
)
def test_what_only_ollama_can_be_told_is_refused_by_name(fields: dict[str, Any], field: str) -> None:
    """As is what cannot be understood."""
    with pytest.raises(RequestError) as fault:
        generate(prompt="Hi", **fields)
    assert fault.value.field == field


def test_a_role_that_nobody_has_is_refused() -> None:
    """By the place of its message."""
    with pytest.raises(RequestError) as fault:
        chat({"role": "user", "content": "a"}, {"role": "king", "content": "b"})
    assert fault.value.field == "messages[1].role"


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["role", "content", "images", "tool_calls", "function", "name", "stop"]), inner
            ),
        ),
        max_leaves=8,
    ),
    st.sampled_from(["messages", "tools", "options", "format", "think", "images", "prompt", "system"]),
)
def test_nothing_makes_it_raise_anything_but_our_errors(value: object, name: str) -> None:
    """Whatever stands in whatever member."""
    for ask in (chat, generate):
        try:
            ask(**{name: value})
        except RequestError:
            continue
