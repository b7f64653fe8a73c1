"""Several workers of one server: what they share, and what is done once for all of them.

The supervisor takes the data directory, resolves what a crash left behind, makes the keys that a start makes, and
listens; the workers accept from the same sockets. What they count together lies in a directory in memory, which is gone
when the server has stopped.
"""

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tollbar.admin.bootstrap import BootstrapError, derive, ensure_admin_key, read_secret, renew_starter_key
from tollbar.app.supervisor import Supervisor
from tollbar.clock import SystemClock
from tollbar.domain.digest import digest
from tollbar.logs import Sink
from tollbar.settings import Settings
from tollbar.storage.engine import serving_lock, slot_of
from tollbar.storage.store import Options, open_storage

IN_MEMORY = Path("/dev/shm")
SHARED = "shared"
BACKLOG = 2_048


@dataclass(frozen=True, slots=True)
class MadeKeys:
    """The keys that a start made, to be shown this once."""

    admin: str | None = None
    starter: str | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """One of several: its number, how many there are, the directory that all share, who started it, and from where."""

    number: int
    count: int
    directory: Path
    supervisor: int
    made: MadeKeys
    place: str

    @property
    def slot(self) -> str:
        """Its place in the store: whoever had it before is dead."""
        return f"{self.place}/{self.number}"

    def has_lost_its_supervisor(self) -> bool:
        """Whether nobody is left who would stop this process."""
        return os.getppid() != self.supervisor

    def is_first_to_tell(self) -> bool:
        """Whether nobody has told of this start yet; true once."""
        try:
            (self.directory / "told").touch(0o600, exist_ok=False)
        except FileExistsError:
            return False
        return True

    def publish(self, snapshot: bytes) -> None:
        """Shows the others what this worker's metrics are."""
        path = self._metrics(self.number)
        temporary = path.with_suffix(".new")
        temporary.write_bytes(snapshot)
        temporary.replace(path)

    def published(self) -> bytes | None:
        """What a worker of this number published before it died, if there was one."""
        with suppress(FileNotFoundError):
            return self._metrics(self.number).read_bytes()
        return None

    def others(self) -> Iterator[bytes]:
        """What the other workers published."""
        for number in range(self.count):
            if number != self.number:
                with suppress(FileNotFoundError):
                    yield self._metrics(number).read_bytes()

    def _metrics(self, number: int) -> Path:
        return self.directory / f"metrics-{number}.json"


@dataclass(frozen=True, slots=True)
class Post:
    """Where a worker begins: who it is, what it listens on, and what it has of its supervisor's as long as it lives."""

    worker: Worker
    sockets: list[socket.socket]
    inherited: ExitStack


def supervise(settings: Settings, log: Sink, address: str | None) -> Post | None:
    """In a worker: its post. In the supervisor: None, once all workers have ended. `address` is that of a Postgres.

    Raises BootstrapError, StoreRefused or WorkersFailed.
    """
    with ExitStack() as stack:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        stack.enter_context(serving_lock(settings.data))
        sockets = listening(settings.server.host, settings.server.port)
        stack.callback(_close, sockets)
        made = asyncio.run(_prepare(settings, address))
        directory = _shared(settings.data)
        stack.callback(_remove, settings.data / SHARED)
        supervisor, count = os.getpid(), settings.server.workers
        number = Supervisor(count, log, stopping=partial(_close, sockets)).run()
        if number is None:
            return None
        # What was opened is the supervisor's to undo; and the lock stays taken as long as a worker has it.
        return Post(
            Worker(number, count, directory, supervisor, made, slot_of(settings.data)), sockets, stack.pop_all()
        )


def listening(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address that a host has; raises BootstrapError."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, *_, address in dict.fromkeys(found):
            sockets.append(_listening(family, address))
    except OSError as fault:
        _close(sockets)
        raise cannot_listen(host, port, f": {fault.strerror or fault}") from fault
    return sockets


def cannot_listen(host: str, port: int, why: str = "") -> BootstrapError:
    """What is said when the address cannot be had."""
    remedy = "Choose another with --port or API_PORT, or stop the program that has it."
    return BootstrapError(f"Nobody can listen on {host}, port {port}{why}. {remedy}")


def _listening(family: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


async def _prepare(settings: Settings, address: str | None) -> MadeKeys:
    """What a start sees to once: nothing is left of dead processes, and there is an admin key."""
    clock = SystemClock()
    secrets = derive(read_secret(settings.data, settings.secret.reveal() if settings.secret else None))
    digest_of = partial(digest, secrets.pepper)
    options = Options(secrets.check, survives_power_loss=settings.ledger.durability == "power", address=address)
    async with open_storage(settings.data, clock, options) as storage:
        await storage.ledger.start(is_alone=address is None)
        configured = settings.admin_key.reveal() if settings.admin_key else None
        return MadeKeys(
            await ensure_admin_key(storage.keys, clock, digest_of, configured),
            await renew_starter_key(storage.keys, clock, digest_of) if settings.server.is_loopback else None,
        )


def _shared(data: Path) -> Path:
    """A directory for what workers share, in memory where there is such a place; a link in the data directory names it,
    so that one that a killed server left is found.
    """
    link = data / SHARED
    _remove(link)
    made = Path(tempfile.mkdtemp(prefix="tollbar-", dir=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else data))
    link.symlink_to(made)
    return made


def _remove(link: Path) -> None:
    shutil.rmtree(link.resolve(), ignore_errors=True)
    link.unlink(missing_ok=True)


def _close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()
