"""The smoke test finds what is wrong with a server: a real one has nothing, a faulty one is told line by line."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from tests.cli.running import Terminal
from tests.journeys.stand import ADMIN_KEY, Gateway, provider, started
from tests.upstream import FakeUpstream
from tollbar.cli.client import Client
from tollbar.cli.probes import NOT_DRIVEN, Who
from tollbar.cli.probing import LEFT_OUT, OK, Drive, Outcome, run


@pytest.fixture(scope="module")
def up() -> Iterator[FakeUpstream]:
    """A provider."""
    with provider() as up:
        yield up


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A server as people run it."""
    with started(tmp_path_factory.mktemp("gateway"), up, "models: {good: lab/ok}\n") as gateway:
        yield gateway


def test_a_running_server_passes_all_of_it(terminal: Terminal, gateway: Gateway) -> None:
    """Every address that it lists is driven, or left alone for a reason that is told; the status is 0."""
    said = terminal.run("smoke", gateway.url, "--admin-key", ADMIN_KEY, "--json")
    checks = said.value["checks"]
    assert [
        check for check in checks if check["state"] != OK and (check["method"], check["path"]) not in NOT_DRIVEN
    ] == []
    assert (said.status, said.value["ok"]) == (0, True)
    document = gateway.request("GET", "/openapi.json").json()
    listed = {(verb.upper(), path) for path, verbs in document["paths"].items() for verb in verbs}
    driven = {(check["method"], check["path"].partition("?")[0]) for check in checks}
    assert listed <= driven


def test_it_leaves_one_key_behind_that_is_ended(terminal: Terminal, gateway: Gateway) -> None:
    """Made for an hour, and revoked; it is in no line."""
    said = terminal.good("smoke", gateway.url, "--admin-key", ADMIN_KEY)
    made = [key for key in gateway.admin("GET", "/keys")["data"] if key["name"].startswith("smoke-")]
    assert {key["state"] for key in made} == {"revoked"}
    assert "sk-" not in said.out + said.err
    assert said.out.splitlines()[-1].endswith(" left out.")


def test_a_key_and_a_model_of_ones_own_are_used(terminal: Terminal, gateway: Gateway, up: FakeUpstream) -> None:
    """Calls are made with them; administration is left out and told how to get it."""
    before = len(up.journal)
    said = terminal.good("smoke", gateway.url, environment={"TOLLBAR_KEY": gateway.make_key("ana")})
    assert len(up.journal) == before  # the guide answered
    assert "With --key and --admin-key" in said.err
    terminal.good("smoke", gateway.url, "--key", gateway.make_key("ana"), "--model", "good")
    assert {entry.model for entry in list(up.journal)[before:]} == {"ok"}


def test_a_dead_server_is_one_sentence(terminal: Terminal) -> None:
    """And status 1."""
    said = terminal.run("smoke", "127.0.0.1:9")
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("tollbar: Nobody answers at http://127.0.0.1:9.\n")


def test_a_server_that_dies_meanwhile_is_one_sentence(terminal: Terminal) -> None:
    """Also where what it was asked is no check of its own."""

    class Dying(Faulty):
        def do_GET(self) -> None:
            if self.path == "/openapi.json":
                self.answer()

    with ThreadingHTTPServer(("127.0.0.1", 0), Dying) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        said = terminal.run("smoke", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert said.status == 1
    assert said.err == f"tollbar: http://127.0.0.1:{server.server_port} closed the connection.\n"


class Faulty(BaseHTTPRequestHandler):
    """A server with little right: everything is 200 and an empty object."""

    paths: ClassVar[Any] = {}

    def answer(self) -> None:
        """The document, or nothing."""
        body = json.dumps({"paths": self.paths} if self.path == "/openapi.json" else {}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("x-request-id", "req_1")
        self.send_header("x-process-time", "0.000001")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = do_PUT = answer  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Says nothing."""


@contextmanager
def a_faulty_server(**operations: str) -> Iterator[str]:
    """Its address; each operation is `METHOD_path` with the access that the document claims."""
    paths: dict[str, dict[str, object]] = {}
    for name, access in operations.items():
        method, _, path = name.partition("_")
        paths.setdefault(f"/{path.replace('_', '/')}", {})[method.lower()] = {"x-access": access}
    handler = type("Handler", (Faulty,), {"paths": paths})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def drive(url: str) -> list[Outcome]:
    """All outcomes of a drive with both keys."""
    keys = {Who.NOBODY: "", Who.STRANGER: "sk-x", Who.CALLER: "sk-y", Who.ADMIN: "sk-z"}
    document = Client(url).send("GET", "/openapi.json").json()
    return list(run(Drive(url, keys, {"name": "smoke"}), document))


def test_what_is_wrong_is_found() -> None:
    """A wrong shape, an open door, an address that nobody wrote a check for, a method and an address too many."""
    with a_faulty_server(GET_health="public", GET_admin_api_keys="admin", POST_new_thing="key") as url:
        found = {(one.method, one.path, one.what): one.fault for one in drive(url) if one.state != OK}
    assert found == {
        ("GET", "/health", "lives"): "lacks status, version",
        ("GET", "/admin/api/keys", "lists keys"): "lacks data",
        ("GET", "/admin/api/keys", "a key for calls does not open it"): "answered 200 in place of 401 or 403: {}",
        ("GET", "/admin/api/keys", "without a key"): "answered 200 in place of 401 or 429: {}",
        ("POST", "/new/thing", "answers"): "no check is written for it: see cli/probes.py",
        ("DELETE", "/health", "another method"): "answered 200 in place of 405: {}",
        ("DELETE", "/admin/api/keys", "another method"): "answered 200 in place of 405: {}",
        ("DELETE", "/new/thing", "another method"): "answered 200 in place of 405: {}",
        ("GET", "/no/such/address", "no such address"): "answered 200 in place of 404: {}",
    }


def test_a_row_that_cannot_be_asked_is_left_out_with_its_reason() -> None:
    """A model that is not known, because the list is empty."""
    with a_faulty_server(POST_generate_x="key") as url:
        document = {"paths": {"/generate/{model_name}": {"post": {}}}}
        keys = {Who.NOBODY: "", Who.CALLER: "sk-y"}
        found = [one for one in run(Drive(url, keys), document) if one.state == LEFT_OUT]
    assert {one.fault for one in found} == {"an earlier check gave no model_name"}
    assert len(found) == 3


def test_what_is_no_tollbar_is_said(terminal: Terminal, up: FakeUpstream) -> None:
    """A server without the document cannot be driven."""
    said = terminal.run("smoke", up.url)
    assert (said.status, said.out) == (1, "")
    assert "has no /openapi.json, so it is no Tollbar" in said.err
