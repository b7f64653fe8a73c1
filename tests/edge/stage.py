"""The whole HTTP surface over a gateway made of doubles, and a caller that speaks ASGI to it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.admin.alerting import FakeCourier, MemoryAlertStore, MemoryAudit
from tests.admin.pulling import FakeShelf, FakeSource
from tests.fakes import FakeProvider, MemoryLedger, MemoryTeamStore
from tests.making import Scene, a_scene
from tests.people import MemoryEndUserStore, MemoryUsage
from tollbar.admin.alerts import Alerts, AlertTerms
from tollbar.admin.pulls import Pulls
from tollbar.domain.audit import Actor
from tollbar.domain.catalogue import Model
from tollbar.domain.identity import Grant, Key, Permission, assemble
from tollbar.domain.limits import Limit
from tollbar.domain.records import CallHistory, RunningCall, RunningCalls
from tollbar.edge.application import application
from tollbar.edge.line import Message, Receive, Send
from tollbar.edge.services import Doors, Services
from tollbar.gateway.feed import Feed
from tollbar.providers.destinations import url_fault

Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

CALL_KEY = assemble("callcallca", "c" * 28)
ADMIN_KEY = assemble("adminadmin", "a" * 28)
OTHER_KEY = assemble("otherother", "o" * 28)
JSON = (b"content-type", b"application/json")
PEER = "192.0.2.7"


def bearer(key: str) -> tuple[bytes, bytes]:
    """The header that carries a key."""
    return (b"authorization", b"Bearer " + key.encode())


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    fault: Exception | None = None

    def header(self, name: str) -> str | None:
        """A header's value, None when it is absent; a header that comes twice is a fault."""
        values = [value.decode() for key, value in self.headers if key == name.encode()]
        if len(values) > 1:
            raise AssertionError(f"{name} came {len(values)} times")
        return values[0] if values else None

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error that the body tells of, having checked that it has a shape of ours.

        Anthropic's has no code: its type is what programs read.
        """
        document = self.json()
        if document.get("type") == "error":
            assert set(document) == {"type", "error", "request_id"}
            assert set(document["error"]) == {"type", "message"}
            assert document["request_id"] == self.header("x-request-id")
            assert self.header("content-type") == "application/json"
            assert len(document["error"]["message"]) <= 500
            return {"code": document["error"]["type"], "message": document["error"]["message"]}
        if isinstance(document["error"], str):  # Ollama's
            assert set(document) - {"field", "details"} == {"error", "code", "request_id"}
            assert self.header("content-type") == "application/json"
            return {**document, "message": document["error"]}
        assert list(document) == ["error"]
        error = document["error"]
        if isinstance(error["code"], int):  # Google's
            assert set(error) == {"code", "message", "status", "details"}
            assert error["code"] == self.status
            assert error["details"][0]["metadata"]["request_id"] == self.header("x-request-id")
            error = {**error, "code": error["details"][0]["reason"].lower()}  # ours, by which tests know it
        elif "request_id" in error:
            assert set(error) - {"details"} == {"message", "type", "param", "code", "request_id"}
            assert error["request_id"] == self.header("x-request-id")
        else:
            assert set(error) - {"field"} == {"code", "message", "status", "details"}
            assert (error["status"], error["code"]) == (self.status, error["code"].upper())
            assert isinstance(error["details"], dict)
        assert self.header("content-type") == "application/json"
        assert len(error["message"]) <= 500
        return error


class Caller:
    """One exchange under way: sends a request's body piece by piece and hears what is answered."""

    def __init__(
        self, application: Application, scope: dict[str, Any], pieces: Sequence[bytes], leaves: bool = False
    ) -> None:
        self._application = application
        self._scope = scope
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.heard: list[Message] = []
        self.changed = asyncio.Event()
        for number, piece in enumerate(pieces, 1):
            is_last = number == len(pieces) and not leaves
            self._incoming.put_nowait({"type": "http.request", "body": piece, "more_body": not is_last})
        if leaves:
            self.leave()
        self.task = asyncio.ensure_future(self._run())

    @property
    def status(self) -> int:
        """The status that was heard, 0 before."""
        return next((int(str(said["status"])) for said in self.heard if "status" in said), 0)

    @property
    def body(self) -> bytes:
        """What was heard of the body so far."""
        return b"".join(bytes(said["body"]) for said in self.heard if "body" in said)  # type: ignore[arg-type]

    @property
    def is_whole(self) -> bool:
        """Whether the end of the answer was heard."""
        return any(said["type"] == "http.response.body" and not said.get("more_body") for said in self.heard)

    def leave(self) -> None:
        """Closes the connection."""
        self._incoming.put_nowait({"type": "http.disconnect"})

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something said makes a condition true."""
        async with asyncio.timeout(60):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    async def answer(self) -> Answer:
        """The whole answer, once the application has done with the request."""
        fault: Exception | None = None
        try:
            async with asyncio.timeout(60):
                await self.task
        except TimeoutError:
            raise
        except Exception as error:
            fault = error
        start = next((said for said in self.heard if said["type"] == "http.response.start"), {})
        headers: Any = start.get("headers", [])
        return Answer(self.status, [(bytes(key).lower(), value) for key, value in headers], self.body, fault)

    async def _run(self) -> None:
        await self._application(self._scope, self._incoming.get, self._hear)

    async def _hear(self, message: Message) -> None:
        self.heard.append(message)
        self.changed.set()
        await asyncio.sleep(0)


def call(
    application: Application,
    method: str,
    path: str,
    headers: Headers = (),
    pieces: Sequence[bytes] = (b"",),
    **scope: Any,
) -> Caller:
    """Sends a request and does not wait for the answer."""
    whole = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers),
        "client": (PEER, 50_000),
        "server": ("127.0.0.1", 8_000),
        **scope,
    }
    leaves = bool(whole.pop("leaves", False))
    return Caller(application, whole, pieces, leaves)


@dataclass(slots=True)
class Stage:
    """The application with everything behind it, to look into and to change."""

    scene: Scene
    listed: tuple[Model, ...]
    application: Application = field(default_factory=lambda: _nobody)
    changed_keys: list[str] = field(default_factory=list)
    status: Callable[[], dict[str, object]] = dict
    is_ready: bool = True
    doors: Doors = field(default_factory=Doors)
    source: FakeSource = field(default_factory=FakeSource)
    shelf: FakeShelf = field(default_factory=FakeShelf)
    histories: dict[str, CallHistory] = field(default_factory=dict)
    teams: MemoryTeamStore = field(default_factory=MemoryTeamStore)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    alert_store: MemoryAlertStore = field(default_factory=MemoryAlertStore)
    courier: FakeCourier = field(default_factory=FakeCourier)
    cancelled: list[tuple[str, str | None]] = field(default_factory=list)
    end_users: MemoryEndUserStore = field(default_factory=lambda: MemoryEndUserStore(MemoryLedger()))
    usage: MemoryUsage = field(default_factory=MemoryUsage)

    @property
    def feed(self) -> Feed:
        """Tells of what is in `usage`, once it runs."""
        return Feed(self.usage)

    def rebuild(self, doors: Doors) -> None:
        """Makes the application anew, with other doors."""
        self.doors = doors
        self.application = application(self.services)

    @property
    def services(self) -> Services:
        """What the handlers work with."""
        scene = self.scene

        def key_changed(key_id: str) -> None:
            self.changed_keys.append(key_id)
            scene.gateway.authenticator.forget()

        return Services(
            gateway=scene.gateway,
            max_file_bytes=512 * 1024 * 1024,
            keys=scene.keys,
            teams=self.teams,
            end_users=self.end_users,
            usage=self.usage,
            feed=self.feed,
            history=self.history,
            cancel=self.cancel,
            running=self.running,
            audit=self.audit,
            alerts=Alerts(self.alert_store, self.courier, scene.clock, AlertTerms((80,), None, b"k" * 32), url_fault),
            alert_store=self.alert_store,
            ledger=scene.ledger,
            clock=scene.clock,
            digest=lambda text: text.encode(),
            status=lambda: self.status(),
            is_ready=lambda: self.is_ready,
            listed=lambda: self.listed,
            key_changed=key_changed,
            metrics=lambda: b"# EOF\n",
            version="1.2.3",
            doors=self.doors,
            pulls=Pulls(self.source, self.shelf, scene.clock, asyncio.ensure_future),  # type: ignore[arg-type]
        )

    async def cancel(self, request_id: str, whose: str | Actor) -> None:
        """Notes whom the wish to end a call is from."""
        self.cancelled.append((request_id, whose if isinstance(whose, str) else None))

    async def running(self) -> RunningCalls:
        """One call, and a process that says nothing."""
        now = self.scene.clock.now()
        return RunningCalls((RunningCall("mine", "k", "ana", "/v1/x", "smart", None, now, 12),), 1)

    async def history(self, request_id: str) -> CallHistory | None:
        """What became of a call, as it was put there."""
        return self.histories.get(request_id)

    async def ask(self, method: str, path: str, *headers: tuple[bytes, bytes], body: bytes = b"") -> Answer:
        """The answer to a request."""
        return await call(self.application, method, path, headers, (body,)).answer()

    async def admin(self, method: str, path: str, document: object = None) -> Answer:
        """The answer to the keeper of the admin key."""
        body = b"" if document is None else json.dumps(document).encode()
        return await self.ask(method, path, bearer(ADMIN_KEY), JSON, body=body)

    async def add_key(
        self,
        secret: str,
        name: str,
        permission: Permission = Permission.CALL,
        models: tuple[str, ...] = (),
        limits: tuple[Limit, ...] = (),
        grants: Sequence[Grant] = (),
    ) -> Key:
        """Puts a key into the store."""
        now = self.scene.clock.now()
        key = Key(secret[8:18], name, f"sk-toll-…{secret[-4:]}", permission, now, models=models, limits=limits)
        return await self.scene.keys.add(key, secret.encode(), grants)


async def a_stage(
    *providers: FakeProvider, models: Sequence[Model] = (), listed: Sequence[Model] | None = None, **key: Any
) -> Stage:
    """The application over these providers, with an admin key and a key for calls; `key_…` are fields of the latter."""
    scene = a_scene(*providers, models=models)
    stage = Stage(scene, tuple(scene.gateway.catalogue.models.values() if listed is None else listed))
    stage.application = application(stage.services)
    await stage.add_key(CALL_KEY, "caller", **{name.removeprefix("key_"): value for name, value in key.items()})
    await stage.add_key(ADMIN_KEY, "admin", Permission.ADMIN)
    return stage


async def _nobody(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Stands in until the application is made."""
