"""How an answer goes out: its head and the first piece of its body in one write.

It stands in place of uvicorn's `send`, which writes the two apart and looks at each header twice by a pattern: one
system call more for every answer, and a third of what a server costs. Pieces that follow go out as they are; the end of
an answer, and whatever is unusual, is uvicorn's affair.
"""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from tollbar.edge.line import Message

BODILESS = (204, 304)
"""Answers that have no body, whatever is sent: RFC 9110, 15.3.5 and 15.4.5."""
_TOLD = b": ".join
_LENGTH = b"\r\ncontent-length: "
_END = b"0\r\n\r\n"
_CONTROLS = bytes(set(range(0x20)) - {0x09} | {0x7F})
"""What no header's value may hold: RFC 9110, 5.5."""


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
        body: bytes = message.get("body", b"")  # type: ignore[assignment]
        is_middle = body and message.get("more_body") and cycle.chunked_encoding and not cycle.response_complete
        if self._start is None and not is_middle:
            await RequestResponseCycle.send(cycle, message)  # type: ignore[arg-type]
            if cycle.response_complete:
                self._part()
            return
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            self._start = None
        elif self._start is None:
            cycle.transport.write(b"%x\r\n%b\r\n" % (len(body), body))
        else:
            start, self._start = self._start, None
            self._begin(start, body, is_whole=not message.get("more_body", False))

    def _begin(self, start: Message, body: bytes, is_whole: bool) -> None:
        cycle = self._cycle
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        status = STATUS_LINE[start["status"]]  # type: ignore[index]
        headers = [*cycle.default_headers, *start.get("headers", ())]  # type: ignore[misc]
        # One pass of C for all headers: the status line ends in a line break, and so does each of them.
        head = b"%b%b\r\n" % (status, b"\r\n".join(map(_TOLD, headers)))
        if len(head) - len(head.translate(None, _CONTROLS)) != 2 * (1 + len(headers)):
            raise RuntimeError("Invalid HTTP header value.")
        if b"\r\nconnection: " in head:
            cycle.keep_alive = cycle.keep_alive and b"\r\nconnection: close\r\n" not in head.lower()
        elif not cycle.keep_alive:
            head += b"connection: close\r\n"
        length = _length(head)
        cycle.chunked_encoding = length is None
        if length is not None:
            cycle.expected_content_length = length - len(body)
            if cycle.expected_content_length < 0 or (is_whole and cycle.expected_content_length):
                raise RuntimeError("The body is not as long as its Content-Length says.")
            cycle.transport.write(b"%b\r\n%b" % (head, body))
        else:
            piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            cycle.transport.write(
                b"%btransfer-encoding: chunked\r\n\r\n%b%b" % (head, piece, _END if is_whole else b"")
            )
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


def _length(head: bytes) -> int | None:
    """What `Content-Length` says; None without one."""
    _, found, rest = head.partition(_LENGTH)
    return int(rest[: rest.index(b"\r\n")]) if found else None
