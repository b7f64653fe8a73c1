"""The network ends at this machine, and a property has the same examples in every process."""

import asyncio
import socket
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.everything import FOLDERS, NOT_IMPORTED


def test_connecting_beyond_this_machine_fails() -> None:
    """A connection to another machine is refused before a packet leaves."""
    with socket.socket() as sock, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        sock.connect(("192.0.2.1", 80))


def test_datagrams_beyond_this_machine_fail() -> None:
    """A datagram to another machine is refused as well."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(RuntimeError, match="tried to reach"):
        sock.sendto(b"x", ("192.0.2.1", 9))


def test_looking_up_foreign_names_fails() -> None:
    """A foreign name is refused before a resolver is asked."""
    with pytest.raises(RuntimeError, match="tried to look up"):
        socket.getaddrinfo("vendor.example", 443)


def test_names_under_invalid_do_not_exist() -> None:
    """A name under .invalid fails as an unknown host, so that tests can have one."""
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nowhere.invalid", 443)


def test_loopback_works() -> None:
    """A connection to this machine is let through."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname(), timeout=5) as client:
            assert client.getpeername() == server.getsockname()


@pytest.mark.anyio
async def test_async_tests_run_on_asyncio() -> None:
    """An async test finds itself in asyncio's loop."""
    assert asyncio.get_running_loop().is_running()


@pytest.mark.anyio
async def test_async_connections_are_blocked_too() -> None:
    """The event loop's own connect is covered by the same hook."""
    with pytest.raises(RuntimeError, match="tried to reach"):
        await asyncio.open_connection("192.0.2.1", 80)


@given(st.none())
def test_where_a_property_runs_everything_of_ours_is_imported(nothing: None) -> None:
    """What any other test might import is there from the start: Hypothesis takes constants from all of it."""
    files = {str(getattr(module, "__file__", None)) for module in tuple(sys.modules.values())}
    left = {file.stem for folder in FOLDERS for file in folder.rglob("*.py") if str(file) not in files}
    assert nothing is None
    assert left == {name.rpartition(".")[2] for name in NOT_IMPORTED}
