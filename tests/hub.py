"""A hub of models on real sockets: the addresses, headers and refusals of Hugging Face's, and misbehaviour on request.

    with FakeHub() as hub:
        hub.endpoint                     # "http://127.0.0.1:PORT", ready to be HF_ENDPOINT
        hub.add("lab/tiny-GGUF", {"tiny.Q4_K_M.gguf": b"…"}, licence="mit")
        hub.plan("cut:1000", "stall")    # the next answers of the storage, in order; then it behaves
        hub.repositories["lab/tiny-GGUF"].is_private = True
        hub.journal                      # a Seen for each request: path, headers, host ("hub" or "storage")

Large files (`.gguf`, `.safetensors`) are answered with a redirect to a storage host of its own, as the real hub does.
The storage's tricks: `cut:N` breaks the connection after N bytes, `stall:N` sends N bytes and then nothing, `drip:N`
sends N bytes every few milliseconds, `gate:N` sends N bytes and the rest when `hub.gate` is set, `whole` knows no
ranges, `lie` sends other bytes of the same length, `status:N` refuses. `hub.answers` has statuses for the
next questions to the hub itself.
"""

import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

COMMIT = "5f0c8e1b9a7d4c3e2f1a0b9c8d7e6f5a4b3c2d1e"
TOKEN = "hf_right0000000000000000"
LARGE = (".gguf", ".safetensors")


@dataclass(slots=True)
class Repository:
    """What a repository holds, and who is shown it."""

    files: dict[str, bytes]
    licence: str = ""
    task: str = "text-generation"
    context: int | None = None
    is_private: bool = False
    is_gated: bool = False
    lies_about: str = ""
    """A file whose checksum is told wrongly."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request."""

    host: str
    path: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class FakeHub:
    """The hub with its storage; a context manager."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    journal: list[Seen] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)
    sent_bytes: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    _tricks: deque[str] = field(default_factory=deque)
    _servers: list[ThreadingHTTPServer] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def add(self, name: str, files: Mapping[str, bytes], **more: Any) -> Repository:
        """A repository with these files."""
        self.repositories[name] = Repository(dict(files), **more)
        return self.repositories[name]

    def plan(self, *tricks: str) -> None:
        """What the storage does next, one answer each."""
        self._tricks.extend(tricks)

    def asked(self, host: str) -> list[Seen]:
        """What a host was asked."""
        return [seen for seen in self.journal if seen.host == host]

    @property
    def endpoint(self) -> str:
        """Where the hub is."""
        return f"http://127.0.0.1:{self._servers[0].server_address[1]}"

    @property
    def storage(self) -> str:
        """Where the large files are."""
        return f"http://127.0.0.1:{self._servers[1].server_address[1]}"

    def __enter__(self) -> Self:
        for answer in (_answer_hub, _answer_storage):
            server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, answer))
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            self._servers.append(server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.gate.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def next_trick(self) -> tuple[str, int]:
        """The trick of this answer, with its number."""
        name, _, number = (self._tricks.popleft() if self._tricks else "ok").partition(":")
        return name, int(number or 0)

    def wait(self, seconds: float) -> None:
        """Waits, though not beyond the end of the test."""
        self._ended.wait(seconds)


def _handler(hub: FakeHub, answer: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            host = "hub" if answer is _answer_hub else "storage"
            hub.journal.append(Seen(host, self.path, {name.lower(): value for name, value in self.headers.items()}))
            try:
                answer(hub, self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Says nothing."""

    return Handler


def _send(request: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


def _refuse(request: BaseHTTPRequestHandler, status: int, code: str, message: str) -> None:
    headers = {"X-Error-Code": code, "X-Error-Message": message, "Content-Type": "application/json"}
    _send(
        request,
        status,
        {name: value for name, value in headers.items() if value},
        json.dumps({"error": message}).encode(),
    )


def _answer_hub(hub: FakeHub, request: BaseHTTPRequestHandler) -> None:
    if hub.answers and (status := hub.answers.popleft()) != 200:
        _send(request, status, {"Retry-After": "1"})
        return
    path = unquote(urlsplit(request.path).path)
    api = re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/([^/]+)", path)
    file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
    match = api or file
    repository = hub.repositories.get(match[1]) if match else None
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token not in ("", TOKEN):
        _refuse(request, 401, "", "Invalid credentials in Authorization header")
    elif match is None or repository is None or (repository.is_private and not token):
        _refuse(request, 404 if token else 401, "RepoNotFound", "Repository not found")
    elif api:
        _describe(request, match[1], repository)
    elif repository.is_gated and not token:
        _refuse(request, 401, "GatedRepo", f"Access to model {match[1]} is restricted.")
    elif match[3] not in repository.files:
        _refuse(request, 404, "EntryNotFound", "Entry not found")
    else:
        _resolve(hub, request, match[3], repository.files[match[3]])


def _describe(request: BaseHTTPRequestHandler, name: str, repository: Repository) -> None:
    siblings: list[dict[str, Any]] = []
    for path, data in repository.files.items():
        entry: dict[str, Any] = {"rfilename": path, "size": len(data), "blobId": blob_id(data)}
        if path.endswith(LARGE):
            told = data + b"!" if path == repository.lies_about else data
            entry["lfs"] = {"sha256": hashlib.sha256(told).hexdigest(), "size": len(data), "pointerSize": 135}
        siblings.append(entry)
    document: dict[str, Any] = {"id": name, "sha": COMMIT, "siblings": siblings, "pipeline_tag": repository.task}
    if repository.licence:
        document["cardData"] = {"license": repository.licence}
    if repository.context:
        document["gguf"] = {"architecture": "llama", "context_length": repository.context}
    _send(request, 200, {"Content-Type": "application/json"}, json.dumps(document).encode())


def _resolve(hub: FakeHub, request: BaseHTTPRequestHandler, path: str, data: bytes) -> None:
    headers = {"X-Repo-Commit": COMMIT}
    if not path.endswith(LARGE):
        _send(request, 200, {**headers, "ETag": f'"{blob_id(data)}"'}, data)
        return
    digest = hashlib.sha256(data).hexdigest()
    goal = f"{hub.storage}/blobs/{digest}?X-Signature=a%2Fb&Expires=1"
    linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data)), "Location": goal}
    _send(request, 302, {**headers, **linked})


def _answer_storage(hub: FakeHub, request: BaseHTTPRequestHandler) -> None:
    digest = urlsplit(request.path).path.rpartition("/")[2]
    files = [data for repository in hub.repositories.values() for data in repository.files.values()]
    data = next(data for data in files if hashlib.sha256(data).hexdigest() == digest)
    trick, number = hub.next_trick()
    if trick == "status":
        _send(request, number, {"Retry-After": "1"})
        return
    if trick == "lie":
        data = bytes(byte ^ 1 for byte in data)
    start = _start(request) if trick != "whole" else 0
    request.send_response(206 if start else 200)
    if start:
        request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
    request.send_header("Content-Length", str(len(data) - start))
    request.send_header("ETag", f'"{digest}"')
    request.end_headers()
    _write(hub, request, data[start:], trick, number)


def _write(hub: FakeHub, request: BaseHTTPRequestHandler, data: bytes, trick: str, number: int) -> None:
    match trick:
        case "cut" | "stall":
            _put(hub, request, data[:number])
            if trick == "stall":
                hub.wait(30)
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 1))
            request.close_connection = True
        case "gate":
            _put(hub, request, data[:number])
            hub.gate.wait(30)
            _put(hub, request, data[number:])
        case "drip":
            for place in range(0, len(data), number):
                _put(hub, request, data[place : place + number])
                time.sleep(0.01)
        case _:
            _put(hub, request, data)


def _put(hub: FakeHub, request: BaseHTTPRequestHandler, data: bytes) -> None:
    request.wfile.write(data)
    request.wfile.flush()
    hub.sent_bytes += len(data)


def _start(request: BaseHTTPRequestHandler) -> int:
    found = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    return int(found[1]) if found else 0


def blob_id(data: bytes) -> str:
    """Git's checksum of a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
