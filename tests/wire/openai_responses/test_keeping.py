"""What of a response is kept, and how a request goes on from it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import InvalidType, InvalidValue, UnknownResponse
from tollbar.domain.messages import ImagePart, Link, Message, Role, TextPart, ThinkingPart
from tollbar.domain.responses import KeptResponse, Thread
from tollbar.wire.openai_responses.keeping import Wish, continued, items_in, items_of, kept, size_of, told_in, wish_in
from tollbar.wire.openai_responses.request import decode, outgoing

THOUGHT = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "proof"}
WORDS = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Well."}]}
PICTURE = {"role": "user", "content": [{"type": "input_image", "image_url": "https://x.example/y"}]}


def a_request(**fields: Any) -> CompletionRequest:
    """A request as it came."""
    return decode(json.dumps({"model": "m", "input": "Hi", **fields}).encode())


def a_turn(name: str, previous: str | None = None, items: bytes = b"[]", model: str = "m") -> KeptResponse:
    """A response that was kept."""
    document = {"id": name, "object": "response", "output": [THOUGHT, WORDS]}
    return KeptResponse("key", name, previous, "lab", model, items, json.dumps(document).encode())


def test_a_request_says_what_it_goes_on_from() -> None:
    """And whether its answer is to be kept, which is usual; a conversation that a provider keeps is refused."""
    assert wish_in(a_request()) == Wish(None, True)
    assert wish_in(a_request(previous_response_id="r1", store=False)) == Wish("r1", False)
    assert wish_in(a_request(previous_response_id="", conversation=None, store=None)) == Wish(None, True)
    with pytest.raises(InvalidValue, match="conversation"):
        wish_in(a_request(conversation={"id": "conv_1"}))
    for fields in ({"store": 1}, {"previous_response_id": 1}):
        with pytest.raises(InvalidType):
            a_request(**fields)
    with pytest.raises(InvalidValue):
        a_request(Previous_Response_Id="r1")


def test_a_request_goes_on_with_all_that_was_said() -> None:
    """To a model of another protocol as messages, to another provider of this one as items; pictures count."""
    thread = Thread(
        (a_turn("r1", items=items_in(a_request(input="A"))), a_turn("r2", "r1", json.dumps([PICTURE]).encode()))
    )
    request = continued(a_request(input="B", instructions="Brief.", previous_response_id="r2"), thread)
    thought, words = ThinkingPart("Hm.", "proof"), TextPart("Well.")
    assert request.source.expand().messages == (
        Message(Role.SYSTEM, (TextPart("Brief."),)),
        Message(Role.USER, (TextPart("A"),)),
        Message(Role.ASSISTANT, (thought, words)),
        Message(Role.USER, (ImagePart(Link("https://x.example/y")),)),
        Message(Role.ASSISTANT, (thought, words)),
        Message(Role.USER, (TextPart("B"),)),
    )
    sent = json.loads(outgoing(request, "x", "other"))
    assert [item.get("type", item.get("role")) for item in sent["input"]] == [
        "message",
        "message",
        "user",
        "message",
        "message",
    ]
    assert (sent["model"], sent["previous_response_id"]) == ("x", None)
    assert b'"previous_response_id": "r2"' in outgoing(request, "x", "lab")
    assert "images" in request.features
    assert size_of(thread) > 200
    assert request.spent().memory is None


def test_another_model_is_not_told_the_thoughts() -> None:
    """It could not tell whose they are."""
    thread = Thread((a_turn("r1", model="other", items=b'[{"role":"user","content":"A"}]'),))
    messages = continued(a_request(input=[]), thread).source.expand().messages
    assert messages == (Message(Role.USER, (TextPart("A"),)), Message(Role.ASSISTANT, (TextPart("Well."),)))


def test_what_is_missing_is_not_made_up() -> None:
    """Only a provider that has it all itself can go on."""
    request = continued(a_request(), Thread((a_turn("r2", "r1"),)))
    assert outgoing(request, "x", "lab")
    with pytest.raises(UnknownResponse):
        outgoing(request, "x", "other")
    with pytest.raises(UnknownResponse):
        request.source.expand()


def test_the_answer_says_that_it_is_kept() -> None:
    """And no knob is lost with it."""
    request = kept(a_request(store=True, truncation="auto"))
    assert request.echoed["store"] == b"true"
    assert request.source.expand().unmodelled == ("truncation",)
    assert a_request(store=True).source.expand().unmodelled == ("store",)


def test_a_response_is_read_where_it_is_whole() -> None:
    """In a document, or in the last event of a stream; whether its provider keeps it, it says itself."""
    response: dict[str, Any] = {"id": "r1", "object": "response", "output": [], "store": True}
    told = told_in(json.dumps(response).encode(), is_stream=False)
    assert told is not None
    assert (told.id, told.is_kept_there) == ("r1", True)
    last = {"type": "response.completed", "response": {**response, "store": None}}
    frames = b'data: {"type":"response.output_text.delta","delta":"response.completed"}\n\n'
    assert told_in(frames, is_stream=True) is None
    told = told_in(frames + b"event: x\ndata: " + json.dumps(last).encode() + b"\n\n", is_stream=True)
    assert told is not None
    assert (told.id, told.is_kept_there) == ("r1", False)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"response.completed", b"data: response.completed\n\n", b"\xff"])
def test_what_is_no_response_is_not_kept(raw: bytes) -> None:
    """Whatever it is."""
    assert told_in(raw, is_stream=False) is None
    assert told_in(raw, is_stream=True) is None


@given(
    st.text(), st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.text()}))
)
def test_items_are_told_in_full(text: str, items: list[dict[str, str]]) -> None:
    """Each has an id of its own and a type, and its words are parts."""
    for given_input in (text, items):
        raw = items_in(a_request(input=given_input))
        told = items_of(a_turn("resp_1", items=raw))
        wanted = [text] if isinstance(given_input, str) else [item["content"] for item in items]
        assert ["".join(part["text"] for part in item["content"]) for item in told] == wanted
        assert len({item["id"] for item in told}) == len(told)
        assert all(item["type"] == "message" for item in told)
