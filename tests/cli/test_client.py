"""Commands' own HTTP: whole answers, streams, and one sentence for whatever goes wrong."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.journeys.stand import provider
from tests.upstream import FakeUpstream
from tollbar.cli.client import Client, Trouble


@pytest.fixture(scope="module")
def up() -> Iterator[FakeUpstream]:
    """A server of OpenAI's API."""
    with provider() as up:
        yield up


@contextmanager
def a_socket(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """The address of a server that does with each connection what the test says."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(5)


def told(url: str, **more: float) -> Trouble:
    """What a request to an address fails with."""
    with pytest.raises(Trouble) as caught:
        Client(url, **more).send("GET", "/models")  # type: ignore[arg-type]
    return caught.value


def test_an_answer_is_given_whole(up: FakeUpstream) -> None:
    """Status, headers by small letters, body; the key is sent as OpenAI's clients do."""
    reply = Client(up.url, "sk-mine").send("GET", "/models")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert [model["id"] for model in reply.json()["data"]] == ["fake-1", "fake-2"]
    assert up.journal[-1].headers["authorization"] == "Bearer sk-mine"


def test_without_a_key_none_is_sent(up: FakeUpstream) -> None:
    """A server that wants none is not given an empty one."""
    Client(up.url).send("GET", "/models")
    assert "authorization" not in up.journal[-1].headers


def test_a_body_that_is_no_json_is_none() -> None:
    """Pages of proxies are no reason to crash."""
    with a_socket(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n<a/>")) as url:
        assert Client(url).send("GET", "/").json() is None


def test_nobody_there_is_one_sentence() -> None:
    """With what to do: on this machine, start it."""
    trouble = told("http://127.0.0.1:9")
    assert trouble.message == "Nobody answers at http://127.0.0.1:9."
    assert trouble.hint == "Start it with 'tollbar serve', or name another address with --url."


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", "{} closed the connection."),
        (b"SSH-2.0-x\r\n\r\n", "What answers at {} is no web server."),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", "{} closed the connection before the answer was whole."),
    ],
)
def test_what_is_no_answer_is_one_sentence(answer: bytes, expected: str) -> None:
    """A connection that ends too soon, or another protocol."""
    with a_socket(lambda connection: connection.sendall(answer)) as url:
        assert told(url).message == expected.format(url)


def test_silence_ends() -> None:
    """A server that never answers does not hold the terminal for ever."""
    over = threading.Event()
    with a_socket(lambda connection: over.wait(5)) as url:
        assert told(url, read_seconds=0.1).message == f"{url} did not answer in time."
        over.set()


def test_tls_where_there_is_none_is_one_sentence() -> None:
    """https:// in place of http:// is a common slip."""
    with a_socket(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as url:
        trouble = told(url.replace("http", "https"))
    assert trouble.message.endswith("does not speak TLS.")


@pytest.mark.parametrize(
    "url", ["", "ftp://host", "http://", "http://a:b", "http://me@host", "http://ho st", "http://a\nb", "http://h:0"]
)
def test_what_is_no_address_is_said(url: str) -> None:
    """Before anybody is asked."""
    assert told(url).message.endswith("is no address of a server.")


@pytest.mark.parametrize("key", ["sk-\r\nx-evil: 1", "schlüssel", "two words"])
def test_what_is_no_key_is_said_without_showing_it(key: str) -> None:
    """A pasted line break would be another header."""
    with pytest.raises(Trouble) as caught:
        Client("http://127.0.0.1:9", key)
    assert key not in caught.value.message
    assert "sk-secret" not in repr(Client("http://127.0.0.1:9", "sk-secret"))
