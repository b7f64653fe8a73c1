"""Work of a process's thread that stands still in the middle, while the simulation goes on around it."""

import threading
from collections.abc import Callable


class Over(BaseException):
    """The process is gone: the work goes no further."""


class Standstill:
    """Work that may wait. It has a thread, and runs in turns with the simulation: never at the same time."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._is_theirs, self._is_ours = threading.Semaphore(0), threading.Semaphore(0)
        self._has_ended = self._is_gone = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def go_on(self) -> bool:
        """Lets it run until it waits or is over; says whether it is."""
        self._is_theirs.release()
        self._is_ours.acquire()
        return self._has_ended

    def wait(self) -> None:
        """Called by the work: what follows is done in its next turn, if there is one."""
        self._is_ours.release()
        self._is_theirs.acquire()
        if self._is_gone:
            raise Over

    def end(self) -> None:
        """There is none."""
        self._is_gone = True
        self._is_theirs.release()
        self._thread.join()

    def _run(self) -> None:
        self._is_theirs.acquire()
        try:
            if not self._is_gone:
                self._work()
        except Over:
            pass
        finally:
            self._has_ended = True
            self._is_ours.release()
