"""nginx with the configuration that is shipped, before whatever a test puts there; and a server that takes notes."""

import http.client
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.machine import free_port
from tests.rules.source import ROOT
from tools.nginx import UnavailableError, find_or_unpack, is_root

TEMPLATE = ROOT / "deploy" / "nginx" / "tollbar.conf.template"
# What stands around the file in the image: the http block that includes it, and nothing that bears on a call.
FRAME = """
daemon off; worker_processes 1; pid {folder}/pid;
events {{ worker_connections 1024; }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  include {folder}/conf.d/*.conf;
}}
"""


@dataclass(slots=True)
class Proxy:
    """A running nginx."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Where callers reach it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """What it has written."""
        return (self.folder / "output").read_text()


def fill_in(template: str, names: Mapping[str, str]) -> str:
    """A template as the nginx image fills it in: names of the environment only, so that nginx's own `$host` stays."""
    for name, value in names.items():
        template = template.replace(f"${{{name}}}", value)
    return template


@contextmanager
def proxied(folder: Path, address: str) -> Iterator[Proxy]:
    """nginx before an address, in a folder of its own. Skips the test where there is no nginx to be had."""
    try:
        nginx = find_or_unpack()
    except UnavailableError as reason:
        pytest.skip(str(reason))
    port = free_port()
    (folder / "conf.d").mkdir(parents=True)
    names = {"NGINX_LISTEN": f"127.0.0.1:{port}", "TOLLBAR_ADDRESS": address}
    (folder / "conf.d" / "default.conf").write_text(fill_in(TEMPLATE.read_text(), names))
    (folder / "nginx.conf").write_text(FRAME.format(folder=folder))
    command = [nginx, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf"), *_as_this_user()]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    proxy = Proxy(port, folder)
    try:
        _wait_for(proxy, process)
        yield proxy
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _as_this_user() -> list[str]:
    """Workers of a root nginx become `nobody`, who may not write below a test's folder."""
    return ["-g", "user root;"] if is_root() else []


def _wait_for(proxy: Proxy, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
        try:
            return connection.connect()
        except OSError:
            assert process.poll() is None, proxy.output
            assert time.monotonic() < deadline, proxy.output
            time.sleep(0.01)
        finally:
            connection.close()


@dataclass(slots=True)
class Notes:
    """The requests that a server saw: for each its line, and its headers by name in lower case. It answers `status`.

    At /paused only half of it, until it is told that it `goes_on`.
    """

    port: int
    status: int = 200
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    goes_on: threading.Event = field(default_factory=threading.Event)


@contextmanager
def note_taker() -> Iterator[Notes]:
    """A server that answers everything with a word, and notes what came."""
    notes = Notes(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer is one write, so that nobody waits for its second half

        def do_GET(self) -> None:
            notes.requests.append((self.requestline, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(notes.status)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"not")
            self.wfile.flush()
            if self.path == "/paused":
                notes.goes_on.wait(60)
            self.wfile.write(b"ed")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    notes.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield notes
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
