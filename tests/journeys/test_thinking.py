"""Models that think aloud on an Ollama of this machine: thoughts arrive apart from the answer, or not at all."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.stand import Gateway, provider, started

SAID: Any = [{"role": "user", "content": "Hi"}]
MODEL = "ollama/thoughts"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A server that finds an Ollama by itself; the models it can name are scripts."""
    with provider() as up:
        environment = {"TOLLBAR_ADMIN_KEY": "an-admin-key-of-the-journeys-0123456789", "OLLAMA_HOST": up.url}
        directory = tmp_path_factory.mktemp("thinking")
        (directory / "tollbar.yaml").write_text(f"default_local_model: {MODEL}\n")
        with started(directory, environment=environment) as gateway:
            yield gateway


def test_thoughts_are_beside_the_answer(gateway: Gateway) -> None:
    """As Ollama names them, in a field that is not the content; both are counted once."""
    with gateway.sdk(gateway.make_key("whole")) as client:
        answer: Any = client.chat.completions.create(model=MODEL, messages=SAID)
        assert (answer.choices[0].message.content, answer.choices[0].message.reasoning) == ("Hi", "Well, now.")
        assert answer.usage.completion_tokens == 5


def test_thoughts_are_streamed_before_the_answer(gateway: Gateway) -> None:
    """Each chunk holds the one or the other."""
    with gateway.sdk(gateway.make_key("streamed")) as client:
        chunks: list[Any] = list(client.chat.completions.create(model=MODEL, messages=SAID, stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    thoughts = [getattr(delta, "reasoning", None) or "" for delta in deltas]
    said = [delta.content or "" for delta in deltas]
    assert ("".join(thoughts), "".join(said)) == ("Well, now.", "Hi")
    assert not any(thought and word for thought, word in zip(thoughts, said, strict=True))


def test_the_simple_endpoints_give_the_answer_alone(gateway: Gateway) -> None:
    """Whoever asks for a text gets a text, whole or streamed."""
    key = gateway.make_key("simple")
    assert gateway.request("POST", "/local/generate", key, json={"prompt": "Hi"}).json() == {"response": "Hi"}
    assert gateway.request("POST", "/local/generate?stream=true", key, json={"prompt": "Hi"}).text == "Hi"
