"""The log: one line of JSON per event on standard error, or a readable line where that is a terminal.

Guarantees: an event is one line whatever its values hold (control characters are escaped, a terminal's too); keys,
tokens, cookies and passwords are masked in the finished line, whoever wrote them; the id of the request at hand is on
the line. Never done: logging a body, failing because of a value, waiting for anything but the write. Libraries that use
the standard `logging` module end up in the same place.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, BinaryIO

import msgspec
import structlog

Event = MutableMapping[str, Any]
Renderer = Callable[[Event], str]

MASK = "***"

_request_id: ContextVar[str | None] = ContextVar("tollbar_request_id", default=None)
_encode = msgspec.json.Encoder(enc_hook=str).encode

# Without one of these, in small letters, no pattern below can match; looking for them costs a tenth of the patterns.
_HINTS = (
    *("sk-", "sk_", "hf_", "xai-", "aiza", "eyj", "earer", "asic "),
    *("ecret", "uthoriz", "ookie", "assword", "?key=", "&key=", "pi_key", "pi-key", "pikey"),
)
_NAMES = r"(?:proxy[-_])?authorization|(?:set-)?cookie|password|admin[-_]secret|secret|(?:x[-_])?api[-_]?key"
# A word begins after anything but a letter or a digit, or after an escape of JSON such as \n, which ends in one.
_WORD = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9a-f]{4}))"
_PATTERNS = (
    # Keys by the beginnings their issuers give them: ours, OpenAI's, Groq's, Hugging Face's, xAI's; Google's; JWTs.
    (re.compile(rf"{_WORD}([a-z]?sk[-_]|hf_|xai-)[A-Za-z0-9_-]{{8,}}"), rf"\1{MASK}"),
    (re.compile(rf"{_WORD}(AIza|eyJ)[A-Za-z0-9_-]{{16,}}(?:\.[A-Za-z0-9_-]+)*"), rf"\1{MASK}"),
    (re.compile(rf"{_WORD}(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{{8,}}", re.IGNORECASE), rf"\1\2{MASK}"),
    # Fields, headers and parameters by their names: as JSON, as JSON within JSON, as Python shows them, in addresses.
    (re.compile(rf'"({_NAMES})":\s*"(?:\\.|[^"\\])*"', re.IGNORECASE), rf'"\1":"{MASK}"'),
    (re.compile(rf'\\"({_NAMES})\\":\s*\\"(?:(?!\\").)*\\"', re.IGNORECASE), rf'\\"\1\\":\\"{MASK}\\"'),
    (re.compile(rf"'({_NAMES})':\s*'(?:\\.|[^'\\])*'", re.IGNORECASE), rf"'\1': '{MASK}'"),
    (re.compile(rf"({_WORD}(?:{_NAMES})=|[?&]key=)[^\s&\"',;)\\]+", re.IGNORECASE), rf"\1{MASK}"),
)
# What a terminal obeys or shows misleadingly: control characters, line separators, switches of writing direction.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def configure(now: Callable[[], datetime], level: str = "info") -> "Sink":
    """Sends this process's log to standard error: readable on a terminal, JSON lines elsewhere.

    `now` gives the moment in UTC. `level` is for Tollbar's own events; libraries speak from a warning on.
    """
    render = render_readable if sys.stderr.isatty() else render_json
    return configure_stream(sys.stderr.buffer, render, now, level)


def configure_stream(stream: BinaryIO, render: Renderer, now: Callable[[], datetime], level: str = "info") -> "Sink":
    """Sends this process's log to a stream, one line for each event."""
    number = logging.getLevelNamesMapping()[level.upper()]
    sink = Sink(stream, render, now)
    structlog.configure(
        processors=[sink.line],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        context_class=dict,
        logger_factory=sink.writer,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [_LibraryHandler(sink)]
    root.setLevel(logging.WARNING)
    logging.getLogger("tollbar").setLevel(number)
    logging.captureWarnings(True)
    return sink


@contextmanager
def request(request_id: str) -> Iterator[None]:
    """Puts the id of a request on every event within, also in tasks that are started there."""
    token = _request_id.set(request_id)
    try:
        yield
    finally:
        _request_id.reset(token)


def scrub(line: str) -> str:
    """The line with everything masked that looks like a secret or stands under a secret's name."""
    folded = line.lower()
    for hint in _HINTS:
        if hint in folded:
            break
    else:
        return line
    for pattern, replacement in _PATTERNS:
        line = pattern.sub(replacement, line)
    return line


def escape(text: str) -> str:
    """The text with every character escaped that a terminal would obey."""
    return _CONTROL.sub(_escaped, text) if not text.isprintable() else text


def render_json(event: Event) -> str:
    """An event as one line of JSON, which escapes control characters by itself, though not all that terminals know."""
    try:
        line = _encode(event).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        # Values that JSON cannot hold, such as a lone surrogate or an endless structure: their text, in ASCII.
        line = _encode({_in_ascii(name): _in_ascii(value) for name, value in event.items()}).decode()
    return line if line.isascii() and "\x7f" not in line else _CONTROL.sub(_json_escaped, line)


def render_readable(event: Event) -> str:
    """An event as a person reads it: time, level, what happened, the rest as name=value."""
    rest = dict(event)
    at, level, what = rest.pop("at"), rest.pop("level"), rest.pop("event", "")
    rest.pop("logger", None)
    exception = rest.pop("exception", "")
    pairs = "".join(f"  {escape(str(name))}={escape(str(value))}" for name, value in rest.items())
    trace = "".join(f"\n    {escape(line)}" for line in str(exception).splitlines())
    return f"{at.astimezone():%H:%M:%S} {level:<8} {escape(str(what))}{pairs}{trace}"


class Sink:
    """The end of the log: finishes events and writes them, whichever door they came through."""

    def __init__(self, stream: BinaryIO, render: Renderer, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._render = render
        self._now = now

    def writer(self, *arguments: Any) -> "_Writer":
        """What structlog hands finished lines to; its argument is the logger's name."""
        return _Writer(self, str(arguments[0]) if arguments else None)

    def line(self, writer: "_Writer", method: str, event: Event) -> str:
        """The finished line of an event; structlog's one processor."""
        name = writer.name
        if name is not None:
            event["logger"] = name
        level = "error" if method == "exception" else method
        return scrub(self._render(_finish(self._now(), level, event)))

    def emit(self, event: Event, level: str = "info") -> None:
        """Writes an event without a logger's detour: for the one line that every call writes."""
        self.write(scrub(self._render({"at": self._now(), "level": level, **event})))

    def write(self, line: str) -> None:
        """Writes a line at once."""
        try:
            self._stream.write(f"{line}\n".encode("utf-8", "backslashreplace"))
            self._stream.flush()
        except (OSError, ValueError):
            return  # the stream is closed or broken, and there is nowhere left to say so


class _Writer:
    """The end of one logger. structlog calls the method that is named after the level."""

    __slots__ = ("critical", "debug", "error", "exception", "fatal", "info", "log", "msg", "name", "warn", "warning")

    def __init__(self, sink: Sink, name: str | None) -> None:
        self.name = name
        self.debug = self.info = self.warning = self.warn = self.error = self.critical = sink.write
        self.fatal = self.exception = self.log = self.msg = sink.write


class _LibraryHandler(logging.Handler):
    """Takes what libraries say through the standard `logging` module."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record of the standard module."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # arguments that do not fit their format
            message = str(record.msg)
        event: Event = {"event": message, "exc_info": record.exc_info}
        self._sink.write(self._sink.line(_Writer(self._sink, record.name), record.levelname.lower(), event))


def _finish(now: datetime, level: str, event: Event) -> Event:
    """The event with what every line carries: the moment, the level, the request's id, and a traceback as text."""
    fault = event.pop("exc_info", None)
    request_id = _request_id.get()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    if fault:
        event["exception"] = _traceback(fault)
    return {"at": now, "level": level, "event": event.pop("event", ""), **event}


def _traceback(fault: Any) -> str:
    if isinstance(fault, BaseException):
        error: BaseException | None = fault
    else:
        error = fault[1] if isinstance(fault, tuple) else sys.exc_info()[1]
    return "".join(traceback.format_exception(error)).rstrip() if error else ""


def _in_ascii(value: object) -> str:
    text = value.isoformat() if isinstance(value, datetime) else value if isinstance(value, str) else repr(value)
    return text.encode("ascii", "backslashreplace").decode()


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _json_escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
