"""Models that Ollama pulls for us."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.providers.local.conftest import pulling
from tollbar.domain.errors import UnknownModel, UpstreamFailed
from tollbar.domain.local_models import Progress, PullState
from tollbar.providers.local.hub import HubOptions
from tollbar.providers.local.shelf import Shelf

pytestmark = pytest.mark.anyio

PULLED: list[Any] = [
    {"status": "pulling manifest"},
    {"status": "pulling aaa", "digest": "sha256:a", "total": 100},
    {"status": "pulling aaa", "digest": "sha256:a", "total": 100, "completed": 60},
    {"status": "pulling bbb", "digest": "sha256:b", "total": 10, "completed": 10},
    {"status": "verifying sha256 digest"},
    {"status": "success"},
]


@contextmanager
def ollama(lines: list[Any], status: int = 200) -> Iterator[tuple[str, list[Any]]]:
    """A server that answers /api/pull with these lines; its address, and what it was asked."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(status)
            self.end_headers()
            for line in lines:
                self.wfile.write((line if isinstance(line, str) else json.dumps(line)).encode() + b"\n")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


async def pull(folder: Path, address: str) -> list[Progress]:
    """Pull a model through the Ollama at an address."""
    told: list[Progress] = []
    async with pulling(folder, HubOptions(is_offline=True), ollama=f"{address}/v1") as source:
        await source.fetch(await source.plan("ollama:deepseek-r1:1.5b", may_be_path=False), told.append)
    return told


async def test_ollama_pulls_and_tells_how_far_it_is(tmp_path: Path) -> None:
    """The layers are summed; the model stays with Ollama, so the shelf has nothing."""
    with ollama(PULLED) as (address, asked):
        told = await pull(tmp_path, address)
    assert asked == [("/api/pull", {"model": "deepseek-r1:1.5b", "stream": True})]
    assert told[1:] == [
        Progress(PullState.DOWNLOADING, 0, 100),
        Progress(PullState.DOWNLOADING, 60, 100),
        Progress(PullState.DOWNLOADING, 70, 110),
        Progress(PullState.CHECKING, 70, 110),
        Progress(PullState.DONE, 110, 110),
    ]
    assert Shelf(tmp_path).list() == ()


@pytest.mark.parametrize(
    ("lines", "status", "kind", "word"),
    [
        ([{"error": "pull model manifest: file does not exist"}], 200, UnknownModel, "deepseek-r1:1.5b"),
        ([{"error": "no space left on device"}], 500, UpstreamFailed, "no space left"),
        ([{"status": "pulling manifest"}], 200, UpstreamFailed, "ended its answer"),
        ([], 200, UpstreamFailed, "ended its answer"),
        (["<html>"], 200, UpstreamFailed, "no progress"),
        (["[]"], 404, UpstreamFailed, "HTTP 404"),
    ],
)
async def test_what_goes_wrong_is_told(
    tmp_path: Path, lines: list[Any], status: int, kind: type[Exception], word: str
) -> None:
    """In Ollama's words where it has some; an answer that stops is no success."""
    with ollama(lines, status) as (address, _):
        with pytest.raises(kind, match=word):
            await pull(tmp_path, address)


async def test_an_ollama_that_does_not_run_is_told(tmp_path: Path) -> None:
    """By its name, not by an address."""
    with pytest.raises(UpstreamFailed, match="ollama could not be reached"):
        await pull(tmp_path, "http://127.0.0.1:1")
