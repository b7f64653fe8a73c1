"""Processes on cores of their own, and what they use: CPU time and memory, as /proc tells them."""

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
OPEN_FILES = 8_192
"""A thousand streams need two sockets each; the usual soft limit of 1,024 does not reach."""


@dataclass(frozen=True, slots=True)
class Cores:
    """The core of what is measured, and the core of all that feeds it; the same one on a machine with a single core."""

    measured: int
    feeding: int

    @property
    def are_apart(self) -> bool:
        """Whether the two do not take time from each other."""
        return self.measured != self.feeding


def choose_cores() -> Cores:
    """The first and the last core that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[-1])


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def pinned(core: int) -> Callable[[], None]:
    """What a child does before its program begins: it moves to a core, and may open many files."""

    def prepare() -> None:
        os.sched_setaffinity(0, {core})
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES if most < 0 else min(OPEN_FILES, most), most))

    return prepare


def move(process: int, core: int) -> None:
    """Moves a process that runs already, and all its threads, to a core."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def begin(
    command: Sequence[str], core: int, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> "subprocess.Popen[bytes]":
    """Starts a program on a core; what it writes goes to `log`, or nowhere."""
    with (log or Path(os.devnull)).open("ab") as output:
        return subprocess.Popen(
            command,
            preexec_fn=pinned(core),
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


@contextmanager
def program(
    command: Sequence[str], core: int, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A program that runs for as long as the block; at its end it is asked to stop, then made to."""
    process = begin(command, core, environment, log)
    try:
        yield process
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Asks a program to end, and then ends whatever is left of it and its children."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
    with suppress(ProcessLookupError):  # each program leads a group of its own, which is empty when all have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for_port(port: int, process: "subprocess.Popen[bytes]", seconds: float = 20.0) -> None:
    """Returns once somebody listens; raises RuntimeError when the program ended or took too long."""
    until(lambda: is_listening(port), process, seconds)


def until(holds: Callable[[], bool], process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Returns once something holds; raises RuntimeError when the program ended or took too long."""
    deadline = time.monotonic() + seconds
    while not holds():
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with status {process.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} was not ready within {seconds:g} s")
        time.sleep(0.002)


def is_listening(port: int) -> bool:
    """Whether a connection to a port of this machine is taken."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def own_seconds(process: int) -> float:
    """The CPU time of a process without its children's; 0 for none."""
    if not process:
        return 0.0
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def resident_megabytes(process: int) -> float:
    """The memory of a process without its children's."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text().split()]
            except OSError:  # the thread ended meanwhile
                continue
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, those that ended included."""
    return sum(_cpu_ticks(each) for each in family(pid)) / TICKS_PER_SECOND


def _cpu_ticks(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name may hold spaces, so counting begins behind it; utime, stime, cutime and cstime are fields 14 to 17.
    return sum(int(field) for field in stat.rpartition(")")[2].split()[11:15])


def resident_bytes(pid: int) -> int:
    """The memory that a process and its children hold."""
    return sum(_resident_bytes(each) for each in family(pid))


def _resident_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:")), 0)
