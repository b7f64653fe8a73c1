"""What is kept of calls: answers, responses, files, records, and that one is to be ended."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from tollbar.domain.files import KeptFile
from tollbar.domain.records import RequestRecord, RunningCall, RunningCalls
from tollbar.domain.repeats import KeptAnswer, Repeatable
from tollbar.domain.responses import KeptResponse, Thread


class AnswerStore(Protocol):
    """The answers of calls that may be sent again, shared by every process."""

    async def begin(self, call: Repeatable) -> KeptAnswer | None:
        """What the call was answered before; None when it is this one's turn to be answered.

        Raises `CallUnderWay` while another one has its turn, and `OtherCall` when the name belongs to another request.
        A turn ends with a settlement that keeps its answer, with `free`, or with its process. Raises `Overloaded` when
        the store cannot be reached.
        """

    async def free(self, call: Repeatable) -> None:
        """Ends the turn without an answer, so that the next call is made anew; raises `Overloaded`."""


class CancelStore(Protocol):
    """Calls under way that are asked for, or are to be ended, shared by every process."""

    async def ask(self, request_id: str, key_id: str | None) -> None:
        """Asks whichever process runs a call of that key, or without one of any, to end it; raises `Overloaded`."""

    async def asked(self) -> Sequence[tuple[str, str | None]]:
        """What is asked, and nobody told that it is done; raises `Overloaded`."""
        ...

    async def tell(self, request_id: str) -> None:
        """Says that the call has been ended; raises `Overloaded`."""

    async def is_told(self, request_id: str) -> bool:
        """Whether somebody said so; raises `Overloaded`."""
        ...

    async def ask_all(self, question: str) -> None:
        """Asks every process, this one included, what it runs, under a name of the question; raises `Overloaded`."""

    async def questions(self) -> Sequence[str]:
        """Those that this process has not answered; raises `Overloaded`."""
        ...

    async def report(self, question: str, calls: Sequence[RunningCall]) -> None:
        """This process's answer; raises `Overloaded`."""

    async def reports(self, question: str) -> RunningCalls:
        """What was answered up to now, in no order; raises `Overloaded`."""
        ...


class ResponseStore(Protocol):
    """Responses that are kept, each for its key, shared by every process. Raises `Overloaded` when it is away."""

    async def keep(self, response: KeptResponse, keep_for: timedelta, thread: Sequence[str] = ()) -> None:
        """Keeps a response for so long, durably; those of the `thread` that it goes on from are kept as long."""

    async def find(self, key_id: str, response_id: str) -> KeptResponse | None:
        """A response of that key; None for one that it does not have."""

    async def thread(self, key_id: str, response_id: str, most_bytes: int) -> Thread | None:
        """The response and all before it, as far back as they are kept and are not larger together than `most_bytes`.

        None where the key does not have that response itself.
        """

    async def remove(self, key_id: str, response_id: str) -> None:
        """Forgets a response of that key for good."""


class FileStore(Protocol):
    """Whose the files are that lie at providers. Raises `Overloaded` when it is away."""

    async def add(self, file: KeptFile) -> None:
        """Notes a file, durably."""

    async def find(self, key_id: str, file_id: str) -> KeptFile | None:
        """A file of that key; None for one that it does not have."""

    async def is_known(self, file_id: str) -> bool:
        """Whether any key has it."""
        ...

    async def list(self, key_id: str) -> Sequence[KeptFile]:
        """Every file of a key, the newest first."""

    async def remove(self, key_id: str, file_id: str) -> None:
        """Forgets a file."""


class RequestLog(Protocol):
    """The wide record of each call, for people."""

    def write(self, records: Sequence[RequestRecord]) -> None:
        """Queues records. Never fails and never waits; those beyond what the queue holds are dropped and counted."""
        ...
