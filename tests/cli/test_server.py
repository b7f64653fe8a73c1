"""Which server a command talks to, and with which key: found without asking, and never given away."""

import pytest

from tests.cli.running import Terminal
from tests.journeys.stand import provider, query, started
from tollbar.cli.client import Trouble
from tollbar.cli.server import api_address, find_server


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h:1", "http://h:1/v1"),
        ("http://h:1/", "http://h:1/v1"),
        ("h:1", "http://h:1/v1"),
        ("https://h/api/v1/", "https://h/api/v1"),
        ("http://h/v1", "http://h/v1"),
    ],
)
def test_an_address_without_a_path_gets_the_usual_one(url: str, expected: str) -> None:
    """A bare host is a Tollbar; what has a path is the base of an API, as it is."""
    assert api_address(url) == expected


def test_the_own_server_is_found_and_opened(terminal: Terminal) -> None:
    """Address and default model from the settings; the key from the store, known to nobody else, for calls alone."""
    with provider() as up, started(terminal.directory, up, "default_model: lab/ok\n") as gateway:
        (terminal.directory / ".env").write_text(f"API_PORT={gateway.port}\nLAB_KEY=k-for-the-lab\n")
        server = find_server(None, None)
        gateway.secrets.add(server.client.key)
        assert (server.client.url, server.default_model) == (f"{gateway.url}/v1", "lab/ok")
        assert "tollbar-guide" in server.names
        assert server.client.send("GET", "/me").json()["name"] == "starter"
        assert gateway.request("GET", "/admin/api/keys", server.client.key).status_code in {401, 403}


def test_a_key_that_was_given_is_the_one_that_is_sent(terminal: Terminal) -> None:
    """The option before the environment, that before .env; a wrong one is refused, and no other takes its place."""
    with started(terminal.directory) as gateway:
        (terminal.directory / ".env").write_text(f"API_PORT={gateway.port}\nTOLLBAR_KEY=sk-of-the-file\n")
        with pytest.raises(Trouble) as caught:
            find_server(None, None)
        assert caught.value.status == 401
        (terminal.directory / ".env").write_text(f"API_PORT={gateway.port}\nTOLLBAR_KEY={gateway.make_key('ana')}\n")
        assert find_server(None, None).client.send("GET", "/me").json()["name"].startswith("ana")
        with pytest.raises(Trouble):
            find_server(None, "sk-of-the-option")


def test_a_key_of_the_store_goes_to_no_other_server(terminal: Terminal) -> None:
    """A server at another address of this machine asks for a key and gets none."""
    with started(terminal.directory) as gateway:
        before = query(terminal.directory / "data", "select count(*) as n from secrets")
        (terminal.directory / ".env").write_text("API_PORT=9\n")
        with pytest.raises(Trouble) as caught:
            find_server(gateway.url, None)
        assert caught.value.status == 401
        assert "--key" in caught.value.hint
        assert query(terminal.directory / "data", "select count(*) as n from secrets") == before


def test_nobody_there_makes_no_store(terminal: Terminal) -> None:
    """Looking for a server leaves nothing behind."""
    (terminal.directory / ".env").write_text("API_PORT=9\n")
    with pytest.raises(Trouble, match=r"Nobody answers at http://127\.0\.0\.1:9/v1"):
        find_server(None, None)
    assert [path.name for path in terminal.directory.iterdir()] == [".env"]
