"""How an answer goes out: its head and the first piece of its body in one write.

It stands in place of uvicorn's `send`, which writes the two apart and looks at each header twice by a pattern: one
system call more for every answer, and a third of what a server costs. What follows the first piece is uvicorn's affair.
"""

from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

from tollbar.edge.line import Message

BODILESS = (204, 304)
"""Answers that have no body, whatever is sent: RFC 9110, 15.3.5 and 15.4.5."""


class Sending:
    """An ASGI `send` for one answer; raises RuntimeError when a header's value holds what none may."""

    __slots__ = ("_cycle", "_start")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        """Takes the next message."""
        cycle = self._cycle
        if not cycle.response_started and self._start is None:
            if message["type"] != "http.response.start" or message["status"] in BODILESS:
                await RequestResponseCycle.send(cycle, message)  # type: ignore[arg-type]
            else:
                self._start = message
            return
        if self._start is None:
            await RequestResponseCycle.send(cycle, message)  # type: ignore[arg-type]
            if cycle.response_complete:
                self._part()
            return
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        start, self._start = self._start, None
        if not cycle.disconnected:
            self._begin(start, message)

    def _begin(self, start: Message, message: Message) -> None:
        cycle = self._cycle
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        body: bytes = message.get("body", b"")  # type: ignore[assignment]
        is_whole = not message.get("more_body", False)
        lines = [STATUS_LINE[start["status"]]]  # type: ignore[index]
        values = []
        length: int | None = None
        for name, value in (*cycle.default_headers, *start.get("headers", ())):  # type: ignore[misc]
            lines += (name, b": ", value, b"\r\n")
            values.append(value)
            if name == b"content-length":
                length = int(value)
            elif name == b"connection" and value.lower() == b"close":
                cycle.keep_alive = False
        if HEADER_VALUE_RE.search(b" ".join(values)):
            raise RuntimeError("Invalid HTTP header value.")
        if not cycle.keep_alive and b"connection" not in lines:
            lines.append(b"connection: close\r\n")
        cycle.chunked_encoding = length is None
        if length is None:
            lines.append(b"transfer-encoding: chunked\r\n\r\n")
            lines += (b"%x\r\n" % len(body), body, b"\r\n") if body else ()
            lines += (b"0\r\n\r\n",) if is_whole else ()
        else:
            lines += (b"\r\n", body)
            cycle.expected_content_length = length - len(body)
            if cycle.expected_content_length < 0 or (is_whole and cycle.expected_content_length):
                raise RuntimeError("The body is not as long as its Content-Length says.")
        cycle.transport.write(b"".join(lines))
        if is_whole:
            cycle.response_complete = True
            cycle.message_event.set()
            if not cycle.keep_alive:
                cycle.transport.close()
            self._part()
            cycle.on_response()

    def _part(self) -> None:
        """Undoes the circle of the two, which would be left for the collector."""
        vars(self._cycle).pop("send", None)
