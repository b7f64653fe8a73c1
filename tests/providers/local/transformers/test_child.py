"""The child without its libraries, and what it puts around the server where it has them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.providers.local.checkpoints import shelve_checkpoint
from tollbar.domain.errors import EngineUnavailable
from tollbar.providers.local.process import EngineProcess, Launch
from tollbar.providers.local.runner import order_of
from tollbar.providers.local.terms import Terms
from tollbar.providers.local.transformers.child import fronted, import_fault

pytestmark = pytest.mark.anyio


async def test_without_the_extra_the_remedy_is_named(tmp_path: Path) -> None:
    """As it is where Tollbar was installed alone: here."""
    order, _ = order_of(shelve_checkpoint(tmp_path), Terms(threads=1))
    with pytest.raises(EngineUnavailable, match="is not installed") as told:
        await EngineProcess.start(replace(order, path=str(tmp_path)), Launch(environment={}))
    assert "pip install 'tollbar[transformers]'" in told.value.hint
    assert told.value.status == 503


def test_a_library_that_is_broken_is_told() -> None:
    """With what it said."""
    told = import_fault(ImportError("libtorch_cpu.so: cannot open shared object file", name="torch._C"))
    assert "libtorch_cpu.so" in told["fault"]


async def test_a_server_is_put_behind_the_front_and_says_where_it_is() -> None:
    """The application that it runs is ours, from the first request on."""
    told: list[dict[str, str]] = []

    class Server:
        """A server that listens somewhere."""

        def __init__(self, config: Any) -> None:
            self.config = config
            self.servers: list[Any] = []

        async def startup(self, sockets: Any = None) -> None:
            """Begins to listen."""
            self.servers = [SimpleNamespace(sockets=[SimpleNamespace(getsockname=lambda: ("127.0.0.1", 4711))])]

    server = fronted(Server, lambda inner: f"front of {inner}", told.append)(SimpleNamespace(app="app"))
    assert server.config.app == "front of app"
    await server.startup()
    assert told == [{"url": "http://127.0.0.1:4711"}]
