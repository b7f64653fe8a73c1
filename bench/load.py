"""Callers: keep-alive connections that send a request as soon as the last is answered, and note how that went.

Runs in a process of its own (`python -m bench.load`, `Turns` as JSON on standard input, a list of `Result` as JSON on
standard output), so that what it costs is never counted as the gateway's. It reads HTTP as far as the bench needs it.
"""

import asyncio
import sys
import time
from dataclasses import dataclass, field

import msgspec

from bench.answers import TIME_DIGITS, TIME_MARK
from bench.stub import loop_factory

CHUNKED_END = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: requests in turn, over so many connections, until the time is up or each connection sent `rounds`.

    Connections begin spread over `ramp_seconds`, and stay open from one turn to the next.
    """

    port: int
    requests: list[str]
    connections: int
    seconds: float
    rounds: int = 0
    ramp_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Turns:
    """Loads that take turns, so many times each, in one order and in the other."""

    loads: list[Load]
    count: int = 1


@dataclass(slots=True)
class Result:
    """What came back: answers with status 200, others and breaks (with an example), and times in microseconds.

    `lags` is one per event of a paced stream: from its sending by the provider to its arrival here.
    """

    answered: int = 0
    failed: int = 0
    example: str = ""
    seconds: float = 0.0
    answer_microseconds: list[float] = field(default_factory=list)
    lag_microseconds: list[float] = field(default_factory=list)


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, run: "Run", number: int) -> None:
        self._run = run
        self._next = number
        self._sent = 0
        self._began = 0
        self._awaited = -1  # bytes of the body still to come; -1 while the head is awaited, -2 for a chunked body
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._is_busy = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection. A server may close one that has been idle for long, between two turns."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps what to write to."""
        self._transport = transport  # type: ignore[assignment]

    def begin(self) -> None:
        """Sends the first request of a turn."""
        self._sent, self._is_busy = 0, True
        self._send()

    def close(self) -> None:
        """Ends the connection, whose break is no fault any more."""
        if self._transport is not None:
            transport, self._transport = self._transport, None
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Notes a break in the middle of a turn."""
        self._transport = None
        if self._is_busy:
            self._fail(f"the connection broke: {exc}".encode())

    def data_received(self, data: bytes) -> None:
        """Reads on; at the end of an answer the next request goes out."""
        if self._awaited == -1:
            self._buffer += data
            head_end = self._buffer.find(b"\r\n\r\n")
            if head_end < 0:
                return
            head, data = self._buffer[:head_end].lower(), self._buffer[head_end + 4 :]
            self._buffer = b""
            if head[9:12] != b"200":
                self._fail(head + b"\n" + data)
                return
            _, has_length, rest = head.partition(b"\r\ncontent-length: ")
            self._awaited = int(rest.partition(b"\r\n")[0]) if has_length else -2
        if self._awaited == -2:
            data = self._buffer + data
            read = self._run.note_lags(data)
            # What may be cut: the digits of a time, or the mark of the end.
            self._buffer = data[max(read, len(data) - 64) :]
            if data.endswith(CHUNKED_END):
                self._complete()
            return
        self._awaited -= len(data)
        if self._awaited == 0:
            self._complete()

    def _complete(self) -> None:
        result = self._run.result
        result.answered += 1
        result.answer_microseconds.append((time.perf_counter_ns() - self._began) / 1_000)
        self._awaited, self._buffer = -1, b""
        if self._run.goes_on(self._sent):
            self._send()
        else:
            self._is_busy = False
            self._run.finished()

    def _send(self) -> None:
        requests = self._run.requests
        request = requests[self._next % len(requests)]
        self._next += 1
        self._sent += 1
        self._began = time.perf_counter_ns()
        if self._transport is not None:
            self._transport.write(request)

    def _fail(self, what: bytes) -> None:
        self._is_busy = False
        self.close()
        self._run.fail(what)
        self._run.finished()


class Run:
    """One load: its connections, and what came of it so far."""

    def __init__(self, load: Load) -> None:
        self.requests = [request.encode() for request in load.requests]
        self.result = Result()
        self._load = load
        self._callers: list[Caller] = []
        self._deadline = 0.0
        self._busy = 0
        self._over = asyncio.Event()

    @property
    def connected(self) -> int:
        """How many connections are open."""
        return sum(caller.is_open for caller in self._callers)

    async def turn(self) -> None:
        """One turn, from its first request to its last answer; the first turn opens the connections."""
        began = time.monotonic()
        self._deadline = began + self._load.seconds
        self._busy = self._load.connections
        self._over.clear()
        for number in range(self._load.connections):
            (await self._caller(number)).begin()
            behind = began + self._load.ramp_seconds * (number + 1) / self._load.connections - time.monotonic()
            await asyncio.sleep(max(0.0, behind))
        await self._over.wait()
        self.result.seconds += time.monotonic() - began

    async def _caller(self, number: int) -> Caller:
        if number == len(self._callers) or not self._callers[number].is_open:
            loop = asyncio.get_running_loop()
            _, caller = await loop.create_connection(lambda: Caller(self, number), "127.0.0.1", self._load.port)
            self._callers[number : number + 1] = [caller]
        return self._callers[number]

    def close(self) -> None:
        """Closes the connections."""
        for caller in self._callers:
            caller.close()

    def goes_on(self, sent: int) -> bool:
        """Whether a connection that sent so many requests sends another."""
        if self._load.rounds:
            return sent < self._load.rounds
        return time.monotonic() < self._deadline

    def fail(self, what: bytes) -> None:
        """Notes an answer that is none."""
        self.result.failed += 1
        self.result.example = self.result.example or what[:600].decode(errors="replace")

    def finished(self) -> None:
        """One connection is done with its turn."""
        self._busy -= 1
        if self._busy == 0:
            self._over.set()

    def note_lags(self, data: bytes) -> int:
        """Reads the times out of data that just came; gives the place up to which it was read."""
        now = time.monotonic_ns()
        read = 0
        while (at := data.find(TIME_MARK, read)) >= 0 and at + len(TIME_MARK) + TIME_DIGITS <= len(data):
            read = at + len(TIME_MARK) + TIME_DIGITS
            sent = int(data[at + len(TIME_MARK) : read])
            self.result.lag_microseconds.append((now - sent) / 1_000)
        return read


async def play(turns: Turns) -> list[Result]:
    """What came of each load; the first failure is the end of all."""
    runs = [Run(load) for load in turns.loads]
    for number in range(turns.count):
        for run in runs if number % 2 == 0 else runs[::-1]:
            await run.turn()
        if any(run.result.failed for run in runs):
            break
    for run in runs:
        run.close()
    return [run.result for run in runs]


async def main() -> None:
    """Reads the turns, takes them, writes the results."""
    results = await play(msgspec.json.decode(sys.stdin.buffer.read(), type=Turns))
    sys.stdout.buffer.write(msgspec.json.encode(results))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())
