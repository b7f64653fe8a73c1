"""`tollbar chat` as a conversation at a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.journeys.stand import TOLLBAR, clean, provider
from tests.upstream import FakeUpstream
from tests.upstream_scripts import Script, error

ANSWER = "word0 word1 word2 word3 word4 "


@pytest.fixture(scope="module")
def up() -> Iterator[FakeUpstream]:
    """A server of OpenAI's API."""
    with provider() as up:
        yield up


class Screen:
    """A program at a terminal: what is typed, and what is seen."""

    def __init__(self, process: "subprocess.Popen[bytes]", descriptor: int) -> None:
        self.process = process
        self._descriptor = descriptor
        self.seen = ""

    def type(self, text: str) -> None:
        """Types, without the key Enter."""
        os.write(self._descriptor, text.encode())

    def until(self, pattern: str, seconds: float = 60.0) -> str:
        """What has been seen since the last time, once it holds a pattern."""
        began = time.monotonic()
        while not (found := re.search(pattern, self.seen)):
            left = began + seconds - time.monotonic()
            if not select.select([self._descriptor], [], [], max(0.0, left))[0]:
                raise TimeoutError(self.seen)
            try:
                self.seen += os.read(self._descriptor, 65_536).decode()
            except OSError:  # the program has ended
                found = re.search(pattern, self.seen)
                assert found, self.seen
                break
        seen, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return seen

    def interrupt(self, pattern: str) -> str:
        """Sends what Ctrl+C sends, until the program is seen to obey.

        The prompt is on the screen a moment before the program sleeps until a key is pressed; a signal in that moment
        wakes nobody, as nobody sleeps yet, and is obeyed with the next one.
        """
        for _ in range(10):
            self.process.send_signal(signal.SIGINT)
            with suppress(TimeoutError):
                return self.until(pattern, seconds=1.0)
        raise AssertionError(self.seen)

    def end(self) -> int:
        """The status that the program leaves."""
        return self.process.wait(60)


@contextmanager
def a_screen(directory: Path, *arguments: str) -> Iterator[Screen]:
    """The command at a terminal of its own."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        [TOLLBAR, "chat", *arguments],
        cwd=directory,
        env={**clean(directory, {}), "TERM": "dumb"},
        stdin=there,
        stdout=there,
        stderr=there,
        start_new_session=True,
        # Where the tests run in the background of a shell, they are told to ignore it, and so would the program be.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    os.close(there)
    try:
        yield Screen(process, here)
    finally:
        process.kill()
        process.wait()
        os.close(here)


def test_a_conversation(tmp_path: Path, up: FakeUpstream) -> None:
    """Questions with what was said before, the commands, and an end."""
    with a_screen(tmp_path, "--url", up.url, "--key", "k", "--model", "ok") as screen:
        assert "/help for help, /quit to end" in screen.until("> ")
        for question, turns in (("Hi", 1), ("And?", 3)):
            screen.type(f"{question}\n")
            assert ANSWER in screen.until(r"word4 \r\n> ")
            assert len(up.journal[-1].json["messages"]) == turns
        for line, expected in (
            ("/system Be brief.", "told that first"),
            ("/model", "fake-1, fake-2"),
            ("/model chunks:2", "From now on chunks:2"),
            ("/help", "/save"),
            ("/save talk.md", "Saved as talk.md"),
            ("/save talk.md", "is there already"),
            ("/save", "Name a file"),
            ("/save no/where.md", "cannot be written"),
            ("/save talk.json", "Saved"),
            ("/nonsense", "There is no /nonsense"),
            ("/new", "Forgotten"),
        ):
            screen.type(f"{line}\n")
            assert expected in screen.until(r"\n> ")
        screen.type("//etc/hosts?\n")
        screen.until(r"word1 \r\n> ")
        assert up.journal[-1].json["messages"] == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "/etc/hosts?"},
        ]
        screen.type("/quit\n")
        assert screen.end() == 0
    assert (tmp_path / "talk.md").read_text().count("## user") == 2
    assert '"role": "system"' in (tmp_path / "talk.json").read_text()


def test_ctrl_c_stops_the_answer_and_not_the_program(tmp_path: Path, up: FakeUpstream) -> None:
    """What came stays in the history; at the prompt it says how to end; Ctrl+D ends."""
    with a_screen(tmp_path, "--url", up.url, "--key", "k", "--model", "paced:500") as screen:
        screen.until("> ")
        screen.type("Hi\n")
        screen.until("word3")
        screen.process.send_signal(signal.SIGINT)
        screen.until(r"\n> ")
        screen.type("/model ok\nGo on\n")
        screen.until(r"word4 \r\n> ")
        user, partial, again = up.journal[-1].json["messages"]
        assert (user["content"], again["content"]) == ("Hi", "Go on")
        assert partial["content"].startswith("word0 word1 word2 word3 ")
        screen.interrupt(r"/quit ends\.\r\n> ")
        screen.type("\x04")
        assert screen.end() == 0


def test_trouble_does_not_end_a_conversation(tmp_path: Path, up: FakeUpstream) -> None:
    """An error is told, and the next question is answered."""
    with a_screen(tmp_path, "--url", up.url, "--key", "k", "--model", "ok") as screen:
        screen.until("> ")
        up.plan(error(429, "Slow down.", "rate_limit_exceeded"))
        screen.type("Hi\n")
        assert "tollbar: Slow down." in screen.until(r"\n> ")
        screen.type("Hi\n")
        assert ANSWER in screen.until(r"word4 \r\n> ")


def test_a_model_cannot_speak_to_the_terminal(tmp_path: Path, up: FakeUpstream) -> None:
    """What would move the cursor or set a title is shown as text; line breaks stay."""
    frame = b'data: {"choices":[{"index":0,"delta":{"content":"a\\u001b]0;x\\u0007b\\nc"},"finish_reason":"stop"}]}\n\n'
    up.plan(Script(200, (("content-type", "text/event-stream"),), (frame, b"data: [DONE]\n\n")))
    with a_screen(tmp_path, "--url", up.url, "--key", "k", "Hi") as screen:
        assert "a\\x1b]0;x\\x07b\r\nc" in screen.until("c\r\n")
        assert screen.end() == 0
