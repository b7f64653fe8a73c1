"""A conversation over a real socket: pieces, history, and every way in which an answer can fail."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.journeys.stand import provider
from tests.upstream import FakeUpstream
from tests.upstream_scripts import Script, error
from tollbar.cli.client import Client, Reply, Trouble
from tollbar.cli.conversation import Conversation, model_names, trouble_of


@pytest.fixture(scope="module")
def up() -> Iterator[FakeUpstream]:
    """A server of OpenAI's API that misbehaves by the model's name."""
    with provider() as up:
        yield up


def talk(up: FakeUpstream, model: str = "ok", system: str = "") -> Conversation:
    """A conversation with a model of it."""
    return Conversation(Client(up.url, "sk-mine", read_seconds=1.0), model, system)


def test_an_answer_comes_in_pieces_and_is_remembered(up: FakeUpstream) -> None:
    """The next question is sent with all that was said, the system prompt first."""
    conversation = talk(up, "chunks:5", system="Be brief.")
    first = list(conversation.ask("One?"))
    assert len(first) == 5
    list(conversation.ask("Two?"))
    sent = up.journal[-1].json
    assert (sent["model"], sent["stream"]) == ("chunks:5", True)
    assert sent["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "".join(first)},
        {"role": "user", "content": "Two?"},
    ]
    assert len(conversation.turns) == 4


@pytest.mark.parametrize("model", ["slices:3", "comments", "document", "no-done", "always-usage"])
def test_servers_differ_and_the_text_is_the_same(up: FakeUpstream, model: str) -> None:
    """Cut anywhere, with comments, as one document, or without [DONE]."""
    assert "".join(talk(up, model).ask("Hello?")) == "".join(talk(up).ask("Hello?")) != ""


def test_thoughts_are_not_the_answer(up: FakeUpstream) -> None:
    """What a model reasons beside its answer is left out."""
    assert list(talk(up, "reasoning").ask("Hello?")) == ["Hi"]


@pytest.mark.parametrize("model", ["cut", "cut-clean", "cut-mid-frame", "reset", "no-finish", "error-frame"])
def test_an_answer_that_breaks_off_is_trouble_and_stays_in_the_history(up: FakeUpstream, model: str) -> None:
    """What was shown was said; but it is never taken for the whole."""
    conversation = talk(up, model)
    said: list[str] = []
    with pytest.raises(Trouble):
        said.extend(conversation.ask("Hello?"))
    assert [turn["role"] for turn in conversation.turns] in ([], ["user", "assistant"])


def test_an_error_in_the_stream_is_told_in_its_words(up: FakeUpstream) -> None:
    """As the server put it, not as JSON."""
    with pytest.raises(Trouble) as caught:
        list(talk(up, "early-error-frame").ask("Hello?"))
    assert caught.value.message != ""
    assert "{" not in caught.value.message


def test_a_refusal_is_told_and_leaves_no_trace(up: FakeUpstream) -> None:
    """Its status and message; the question can be asked again."""
    conversation = talk(up)
    up.plan(error(401, "Incorrect API key provided.", "invalid_api_key"))
    with pytest.raises(Trouble) as caught:
        list(conversation.ask("Hello?"))
    assert (caught.value.status, caught.value.message) == (401, "Incorrect API key provided.")
    assert "TOLLBAR_KEY" in caught.value.hint
    assert conversation.turns == []


@pytest.mark.parametrize("model", ["html", "text", "garbled", "stall", "close", "redirect"])
def test_what_is_no_answer_is_trouble(up: FakeUpstream, model: str) -> None:
    """A page, noise, silence: each ends with a sentence."""
    with pytest.raises(Trouble) as caught:
        list(talk(up, model).ask("Hello?"))
    assert caught.value.message.endswith(".")


def test_stopping_keeps_what_was_said_and_hangs_up(up: FakeUpstream) -> None:
    """The server sees its caller leave, and stops."""
    conversation = talk(up, "paced:500")
    with closing(conversation.ask("Hello?")) as pieces:
        piece = next(pieces)
    assert conversation.turns == [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": piece}]


def test_models_are_listed(up: FakeUpstream) -> None:
    """In the server's order; a server without a list has none."""
    assert model_names(Client(up.url)) == ("fake-1", "fake-2")
    up.models = Script(404)
    assert model_names(Client(up.url)) == ()
    up.models = Script(200, (("content-type", "text/html"),), (b"<a/>",))
    with pytest.raises(Trouble, match="does not speak OpenAI's API"):
        model_names(Client(up.url))
    up.models = ("fake-1", "fake-2")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": {"message": "Too long."}}, "Too long."),
        (400, {"error": "Too long."}, "Too long."),
        (422, {"detail": "Too long."}, "Too long."),
        (400, {"error": {"code": 7}}, '{"code": 7}'),
        (502, None, "The server answered 502 Bad Gateway."),
        (599, {}, "The server answered 599."),
    ],
)
def test_refusals_have_many_shapes(status: int, body: object, expected: str) -> None:
    """Whatever can be read of one is told."""
    raw = b"<html>" if body is None else json.dumps(body).encode()
    assert trouble_of(Reply(status, {}, raw)).message == expected


def test_a_transcript_is_text_or_a_request() -> None:
    """For people, and for programs."""
    conversation = Conversation(Client("http://127.0.0.1:9"), "m", "Be brief.")
    conversation.turns += [{"role": "user", "content": "Hi ü"}, {"role": "assistant", "content": "Ho"}]
    assert (
        conversation.transcript(as_json=False) == "## system\n\nBe brief.\n\n## user\n\nHi ü\n\n## assistant\n\nHo\n\n"
    )
    assert json.loads(conversation.transcript(as_json=True)) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, *conversation.turns],
    }
