"""`tollbar chat` with a question: as an argument, through a pipe, and when there is no answer."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.cli.running import Terminal
from tests.journeys.stand import TOLLBAR, clean, provider
from tests.upstream import FakeUpstream
from tests.upstream_scripts import Script

ANSWER = "word0 word1 word2 word3 word4 "


@pytest.fixture(scope="module")
def up() -> Iterator[FakeUpstream]:
    """A server of OpenAI's API."""
    with provider() as up:
        yield up


def test_a_question_is_answered(terminal: Terminal, up: FakeUpstream) -> None:
    """The answer alone on standard output, from the first model that the server lists."""
    said = terminal.good("chat", "How", "are", "you?", "--url", up.url, "--key", "sk-mine")
    assert (said.out, said.err) == (f"{ANSWER}\n", "")
    assert up.journal[-1].json["messages"] == [{"role": "user", "content": "How are you?"}]
    assert (up.journal[-1].model, up.journal[-1].headers["authorization"]) == ("fake-1", "Bearer sk-mine")


def test_model_and_system_can_be_named(terminal: Terminal, up: FakeUpstream) -> None:
    """They are sent as they are."""
    terminal.good("chat", "-m", "chunks:2", "--system", "Be brief.", "--url", up.url, "--key", "k", "Hi")
    assert up.journal[-1].model == "chunks:2"
    assert up.journal[-1].json["messages"][0] == {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize(
    ("words", "expected"), [((), "a text\nof two lines"), (("Sum up:", "-"), "Sum up: a text\nof two lines\n")]
)
def test_a_text_can_be_piped_in(terminal: Terminal, up: FakeUpstream, words: tuple[str, ...], expected: str) -> None:
    """Alone, or where the question has a dash."""
    done = subprocess.run(
        [TOLLBAR, "chat", *words, "--url", up.url, "--key", "k"],
        input=b"a text\nof two lines\n",
        cwd=terminal.directory,
        env=clean(terminal.directory, {}),
        capture_output=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.decode() == f"{ANSWER}\n"
    assert up.journal[-1].json["messages"][0]["content"].strip() == expected.strip()


def test_nothing_to_ask_is_said(terminal: Terminal, up: FakeUpstream) -> None:
    """An empty pipe is no question."""
    said = terminal.run("chat", "--url", up.url, "--key", "k")
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("tollbar: There is nothing to ask.\n")


def test_a_dead_server_is_one_sentence(terminal: Terminal) -> None:
    """And a remedy; no traceback."""
    said = terminal.run("chat", "Hello?", "--url", "http://127.0.0.1:9")
    assert (said.status, said.out) == (1, "")
    assert said.err.splitlines() == [
        "tollbar: Nobody answers at http://127.0.0.1:9/v1.",
        "  Start it with 'tollbar serve', or name another address with --url.",
    ]


@pytest.mark.parametrize(("model", "begins"), [("error-frame", "word0"), ("cut-clean", "word0")])
def test_an_answer_that_breaks_off_is_told(terminal: Terminal, up: FakeUpstream, model: str, begins: str) -> None:
    """What came is shown, the fault stands on a line of its own, and the status says it."""
    said = terminal.run("chat", "Hello?", "--model", model, "--url", up.url, "--key", "k")
    assert said.status == 1
    assert said.out.startswith(begins)
    assert said.out.endswith("\n")
    assert re.fullmatch(r"tollbar: [^{}\n]+\n", said.err)


def test_a_server_without_a_list_wants_a_model(terminal: Terminal, up: FakeUpstream) -> None:
    """Which is said, and with one all is well."""
    up.models = Script(404)
    said = terminal.run("chat", "Hello?", "--url", up.url, "--key", "k")
    assert "--model" in said.err
    assert terminal.good("chat", "Hello?", "--model", "ok", "--url", up.url, "--key", "k").out == f"{ANSWER}\n"
    up.models = ("fake-1", "fake-2")
