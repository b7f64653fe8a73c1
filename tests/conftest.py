"""What every test gets: asyncio for async tests, a network that ends at this machine, repeatable properties.

It starts nothing and holds no fakes: those stand beside the tests that use them.
"""

import gc
import os
import socket
import sys
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.everything import import_everything

# The gate must give one verdict for one commit, hence no randomness, and soon; HYPOTHESIS_PROFILE=search looks further.
settings.register_profile(
    "gate", deadline=None, derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

# Files of more than fifteen seconds, by their length.
LONGEST = tuple(
    f"tests/{name}.py"
    for name in (
        *("bench/test_profiling", "bench/users/test_main", "cli/test_probing", "around/test_memory"),
        *("journeys/test_document", "journeys/test_workers", "journeys/clients/test_s4_questions"),
        *("journeys/clients/test_s2_prompts", "journeys/test_simple", "journeys/clients/test_s3_credits"),
        *("journeys/test_races", "journeys/test_keys", "journeys/test_callers", "journeys/clients/test_s1_weekly_key"),
        *("journeys/test_stopping", "journeys/test_pulling", "journeys/test_kill"),
    )
)


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, the only loop the gateway is written for."""
    return "asyncio"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the rules first, so that a fault shows as early as it can, and the journeys last, the longest before others.

    What begins last is short then, so that no process of the tests works long after the others are done.
    """
    if any(getattr(getattr(item, "obj", None), "is_hypothesis_test", False) for item in items):
        import_everything()
    items.sort(key=lambda item: order_of(item.nodeid.partition("::")[0]))


def pytest_collection_finish() -> None:
    """Has the collector look seldom, and never at what lasts as long as the tests: a sixth of their time was its."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def order_of(file: str) -> tuple[int, int]:
    """Where the tests of a file stand: their kind, and among the journeys how long they take."""
    if file == "tests/journeys/test_transformers.py":  # it waits for an installation, beside which others go on
        return 0, 0
    kind = {"rules": 0, "contracts": 2, "journeys": 3}.get(file.split("/")[1], 1)
    return kind, LONGEST.index(file) if file in LONGEST else len(LONGEST)


class NetworkBlockedError(RuntimeError):
    """A test tried to reach another machine. No OSError, so that no code under test takes it for a failed call."""


def is_local(host: Any) -> bool:
    """Say whether a host is this machine: loopback, "localhost", or none named at all."""
    if isinstance(host, bytes):
        host = host.decode()
    if host in {None, "", "localhost"}:
        return True
    try:
        address = ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def block_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: raises NetworkBlockedError before a socket leaves this machine or a foreign name is looked up.

    Names under ".invalid" never exist (RFC 2606): they fail as a resolver would fail them, without asking one.
    """
    match event, arguments:
        case ("socket.connect" | "socket.sendto", (_, (host, *_))) if not is_local(host):
            raise NetworkBlockedError(f"a test tried to reach {host}")
        case ("socket.getaddrinfo", (bytes() | str() as host, *_)) if not is_local(host):
            name = host.decode() if isinstance(host, bytes) else host
            if name.endswith(".invalid"):
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            if not is_address(name):
                raise NetworkBlockedError(f"a test tried to look up {name}")


def is_address(name: str) -> bool:
    """Say whether a host is written as an address, which needs no resolver."""
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


sys.addaudithook(block_network)
