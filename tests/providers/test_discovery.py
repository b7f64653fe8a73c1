"""Finding the model servers of this machine, and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.upstream import FakeUpstream
from tests.upstream_scripts import Script, answer_models, error, page
from tollbar.clock import SystemClock
from tollbar.providers.discovery import discover, ollama_url, read_list
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Vendor, load, parse

pytestmark = pytest.mark.anyio


@pytest.fixture
async def up() -> AsyncIterator[FakeUpstream]:
    """A server of models on some port."""
    async with FakeUpstream() as server:
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """A pool of its own."""
    async with Transport(SystemClock()) as pool:
        yield pool


def local(**urls: str) -> Mapping[str, Vendor]:
    """Local rows at these addresses."""
    return parse({name: {"wire": "openai", "base_url": url, "local": True} for name, url in urls.items()})


NOWHERE = "http://127.0.0.1:1/v1"


async def test_a_server_that_answers_is_found_with_its_models(up: FakeUpstream, transport: Transport) -> None:
    """What listens and lists models is found, ready to be a provider; what does not is no fault."""
    found = await discover(local(lmstudio=NOWHERE, vllm=up.url), transport)
    assert [(server.instance.name, server.models) for server in found] == [("vllm", ("fake-1", "fake-2"))]
    assert (found[0].instance.base_url, found[0].instance.vendor.is_local) == (up.url, True)


async def test_no_key_is_sent_to_whatever_listens(up: FakeUpstream, transport: Transport) -> None:
    """A stranger on a known port learns nothing."""
    await discover(local(vllm=up.url), transport)
    assert "authorization" not in up.journal[0].headers


@pytest.mark.parametrize(
    "stranger",
    [
        page(),
        error(401),
        error(404),
        error(500),
        Script(pieces=(b"{}",)),
        Script(pieces=(b'{"data": []}',)),
        Script(pieces=(b'{"object": "list", "data": [{"name": "x"}]}',)),
        Script(pieces=(b'{"object": "list", "data": {"id": "x"}}',)),
        Script(pieces=(b"[]",)),
        Script(pieces=(b"\xff\x00",)),
        Script(framing="raw", pieces=(b"SSH-2.0-OpenSSH_9.9\r\n",)),
        Script(framing="raw", ending="close"),
        Script(307, (("location", "/elsewhere"),)),
        answer_models(("gpt-4o",), owner="tollbar"),
    ],
)
async def test_other_programs_are_not_mistaken(up: FakeUpstream, transport: Transport, stranger: Script) -> None:
    """A web server, another protocol, a locked server, and Tollbar itself are not taken for a model server."""
    up.models = stranger
    assert await discover(local(vllm=up.url), transport) == ()


async def test_silent_ports_cost_their_time_once(transport: Transport) -> None:
    """However many programs listen and say nothing, all are asked before the first is given up."""
    async with FakeUpstream(is_deaf=True) as one, FakeUpstream() as two, FakeUpstream() as three:
        two.models = Script(framing="raw", ending="stall")
        task = asyncio.create_task(discover(local(b=two.url, a=one.url, c=three.url), transport, seconds=0.4))
        await three.until(lambda: three.journal)
        assert (one.connections, two.open_connections) == (1, 1)
        assert [server.instance.name for server in await task] == ["c"]


async def test_our_own_port_is_not_asked(up: FakeUpstream, transport: Transport) -> None:
    """Tollbar does not find itself."""
    assert await discover(local(vllm=up.url), transport, skip_ports={up.port}) == ()
    assert not up.journal


async def test_rows_that_share_a_port_are_told_apart_by_the_owner(up: FakeUpstream, transport: Transport) -> None:
    """The owner that a server names decides; an unknown one gets the first row's name; the port is asked once."""
    shared = local(llamacpp=up.url, localai=up.url)
    assert [server.instance.name for server in await discover(shared, transport)] == ["llamacpp"]
    up.models = answer_models(("x",), owner="LocalAI")
    assert [server.instance.name for server in await discover(shared, transport)] == ["localai"]
    assert len(up.journal) == 2


async def test_ollama_is_found_where_its_variable_says(up: FakeUpstream, transport: Transport) -> None:
    """OLLAMA_HOST moves Ollama, and only Ollama; a server without models is a server."""
    up.models = Script(pieces=(b'{"object":"list","data":null}',))
    found = await discover(local(ollama=NOWHERE, vllm=NOWHERE), transport, ollama_host=f"127.0.0.1:{up.port}")
    assert [(server.instance.name, server.models) for server in found] == [("ollama", ())]


async def test_a_useless_variable_is_no_fault(transport: Transport) -> None:
    """Nonsense, or an address that is never a provider, finds nothing and breaks nothing."""
    for host in ("http://169.254.169.254", "not a host", "://", "http://[", "x:99999999"):
        assert await discover(local(ollama=NOWHERE), transport, ollama_host=host) == ()


async def test_vendors_elsewhere_are_not_asked(up: FakeUpstream, transport: Transport) -> None:
    """Only local rows are looked for."""
    row = {"wire": "openai", "base_url": up.url, "auth": "none"}
    assert await discover(parse({"remote": row}), transport) == ()
    assert not up.journal


async def test_the_packages_rows_can_be_probed(transport: Transport) -> None:
    """Looking on the real ports of this machine never raises, whatever runs here."""
    await discover(load(), transport, seconds=0.2)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434/v1"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        (":8080", "http://127.0.0.1:8080/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:9000", "http://127.0.0.1:9000/v1"),
        ("[::]:9000", "http://127.0.0.1:9000/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
        ("[::1]:9000", "http://[::1]:9000/v1"),
        ("http://gpu-box:11434", "http://gpu-box:11434/v1"),
        ("http://gpu-box", "http://gpu-box:80/v1"),
        ("https://ollama.example", "https://ollama.example:443/v1"),
        ("https://ollama.example/api/", "https://ollama.example:443/api/v1"),
        ("http://gpu-box:11434/v1/", "http://gpu-box:11434/v1"),
        (' "gpu-box" ', "http://gpu-box:11434/v1"),
    ],
)
def test_the_variable_is_read_in_all_its_forms(host: str, expected: str) -> None:
    """Host, port, both, or a URL, as Ollama itself reads it; 0.0.0.0 is where it listens, not where it is called."""
    assert ollama_url(host) == expected


def listed(**entry: Any) -> bytes:
    """A list with one model."""
    return json.dumps({"object": "list", "data": [{"id": "a", **entry}]}).encode()


def test_a_list_says_models_and_owners() -> None:
    """Names as they are, owners in lower case."""
    assert read_list(listed(owned_by="VLLM")) == (("a",), frozenset({"vllm"}))


@pytest.mark.parametrize("entry", [{"id": ""}, {"id": 5}, {"id": "x" * 300}, {"owned_by": "tollbar"}])
def test_a_list_that_cannot_be_right_is_none(entry: dict[str, Any]) -> None:
    """An entry without a usable name, or of our own, spoils the list."""
    assert read_list(listed(**entry)) is None
