"""One process that keeps several workers alive. POSIX only.

Workers are forks of it, so they share what it had opened: the sockets that are listened on, and the lock on the data
directory, which stays taken until the last of them has ended. It does nothing else, has no thread and no loop, and
waits for signals: a worker that died is started anew, at once unless it died young; a request to stop goes to all of
them, each once, and it ends when they have.
"""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

from tollbar.logs import Sink

YOUNG_SECONDS = 5.0
"""A worker that ends by itself sooner has not really started."""
WAITS_SECONDS = (0.0, 1.0, 2.0, 5.0)
"""How long to wait before a worker is started that died young so many times."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, *((signal.SIGCHLD, signal.SIGALRM) if hasattr(signal, "SIGCHLD") else ()))


class WorkersFailed(Exception):
    """No worker could start; what kept them was told by them."""


class Supervisor:
    """See the module. `stopping` is called when a request to stop came."""

    def __init__(self, workers: int, log: Sink, stopping: Callable[[], None]) -> None:
        self._log = log
        self._stopping = stopping
        self._numbers = range(workers)
        self._alive: dict[int, tuple[int, float]] = {}
        self._due: dict[int, float] = dict.fromkeys(self._numbers, 0.0)
        self._died_young = dict.fromkeys(self._numbers, 0)
        self._is_stopping = False
        self._has_failed = False
        self._before: Sequence[object] = ()

    def run(self) -> int | None:
        """In a worker, at once: its number. In the supervisor: None, when all workers have ended.

        Raises WorkersFailed.
        """
        self._before = [signal.signal(name, _ignore) for name in SIGNALS]
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            while self._alive or self._due:
                number = self._start_due()
                if number is not None:
                    return number
                match signal.sigwait(SIGNALS):
                    case signal.SIGCHLD:
                        self._bury()
                    case signal.SIGALRM:
                        pass  # somebody is due
                    case asked:
                        self._stop(asked)
        finally:
            self._restore()
        if self._has_failed:
            raise WorkersFailed
        return None

    def _start_due(self) -> int | None:
        """Starts those whose time has come; returns the number in a worker that began so."""
        now = monotonic()
        for number in [number for number, at in self._due.items() if at <= now]:
            del self._due[number]
            process = os.fork()
            if not process:
                # A group of its own: Ctrl+C in a terminal reaches the supervisor alone, which passes it on once.
                os.setpgid(0, 0)
                return number
            self._alive[process] = (number, now)
        if self._due:
            signal.setitimer(signal.ITIMER_REAL, max(0.01, min(self._due.values()) - now))
        return None

    def _bury(self) -> None:
        """Takes note of those who died."""
        for process, (number, began) in list(self._alive.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            if not ended:
                continue
            del self._alive[process]
            if self._is_stopping:
                continue
            code, lived = os.waitstatus_to_exitcode(status), monotonic() - began
            is_young = lived < YOUNG_SECONDS
            first_start = self._died_young[number] == 0
            self._died_young[number] = self._died_young[number] + 1 if is_young else 0
            event = {"event": "worker.died", "worker": number, "pid": process, "status": code}
            self._log.emit({**event, "seconds": round(lived, 3)}, "error")
            if is_young and code > 0 and first_start:  # it said what is wrong; it would be wrong again
                self._has_failed = True
                self._stop(signal.SIGTERM)
                return
            wait = WAITS_SECONDS[min(self._died_young[number], len(WAITS_SECONDS)) - 1] if is_young else 0.0
            self._due[number] = monotonic() + wait

    def _stop(self, asked: int) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._stopping()
        self._due.clear()
        for process in self._alive:
            with suppress(ProcessLookupError):
                os.kill(process, asked)

    def _restore(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for name, handler in zip(SIGNALS, self._before, strict=True):
            signal.signal(name, handler)  # type: ignore[arg-type]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _ignore(_: int, __: object) -> None:
    """Signals are waited for; one whose default is to be ignored would not wait for us."""
