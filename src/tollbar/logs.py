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
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, BinaryIO

import msgspec
import structlog

Event = MutableMapping[str, Any]
Renderer = Callable[[Event], str]
Append = Callable[[bytes], None]

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
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
BACKSLASH, QUOTE = "\\", '"'
_SIGNS = re.compile('[\\s="]')
# What a terminal obeys or shows misleadingly: control characters, line separators, switches of writing direction.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def configure(now: Callable[[], datetime], level: str = "info", style: str = "auto") -> "Sink":
    """Sends this process's log to standard error, in the form that `style` names: `json`, `text`, or `auto`.

    `auto` is text on a terminal and JSON elsewhere. `now` gives the moment in UTC. `level` is for Tollbar's own events;
    libraries speak from a warning on.
    """
    is_terminal = sys.stderr.isatty()
    render = renderer("text" if style == "auto" and is_terminal else style, is_terminal)
    return configure_stream(sys.stderr.buffer, render, now, level)


def renderer(style: str, is_watched: bool = False) -> Renderer:
    """What writes a line as `json` or `text`; `auto` is JSON. Whoever watches a terminal needs no date."""
    if style != "text":
        return render_json
    return render_readable if is_watched else render_text


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
    if not _may_hold_secrets(line):
        return line
    for pattern, replacement in _PATTERNS:
        line = pattern.sub(replacement, line)
    return line


def _may_hold_secrets(text: str) -> bool:
    folded = text.lower()
    return any(hint in folded for hint in _HINTS)


def _scrubbed(events: Sequence[Event], render: Renderer) -> str:
    """The lines of events. Looked through together: where nothing looks like a secret, which is nearly always."""
    lines = [render(event) for event in events]
    text = "\n".join(lines)
    return "\n".join(map(scrub, lines)) if _may_hold_secrets(text) else text


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
    """An event as a person at a terminal reads it: the time of day here, level, what happened, the rest as name=value.

    A traceback stands below it, each of its lines set in: no value can begin a line that looks like another event.
    """
    return f"{event['at'].astimezone():%H:%M:%S} {_text(event)}"


def render_text(event: Event) -> str:
    """The same for a file that is read later: with the date, in UTC."""
    return f"{event['at']:%Y-%m-%dT%H:%M:%SZ} {_text(event)}"


class Sink:
    """The end of the log: finishes events and writes them, whichever door they came through."""

    def __init__(self, stream: BinaryIO, render: Renderer, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._render = render
        self._now = now
        self._copy_same: Append | None = None
        self._copy_other: tuple[Append, Renderer] | None = None

    @contextmanager
    def copied(self, append: Append, render: Renderer) -> Iterator[None]:
        """Has every line within go to `append` too, written by `render`, with its newline. It must not raise."""
        if render is self._render:
            self._copy_same = append
        else:
            self._copy_other = (append, render)
        try:
            yield
        finally:
            self._copy_same = self._copy_other = None

    def writer(self, *arguments: Any) -> "_Writer":
        """What structlog hands finished lines to; its argument is the logger's name."""
        return _Writer(self, str(arguments[0]) if arguments else None)

    def line(self, writer: "_Writer", method: str, event: Event) -> str:
        """The finished line of an event; structlog's one processor."""
        name = writer.name
        if name is not None:
            event["logger"] = name
        level = "error" if method == "exception" else method
        return self._finished(_finish(self._now(), level, event))

    def emit(self, event: Event, level: str = "info") -> None:
        """Writes an event without a logger's detour."""
        self.emit_all((event,), level)

    def emit_all(self, events: Sequence[Event], level: str = "info") -> None:
        """Writes events in one go: for the lines that calls write."""
        now = self._now()
        finished = [{"at": now, "level": level, **event} for event in events]
        if self._copy_other is not None:
            append, render = self._copy_other
            append(f"{_scrubbed(finished, render)}\n".encode("utf-8", "backslashreplace"))
        self.write(_scrubbed(finished, self._render))

    def write(self, line: str) -> None:
        """Writes a line at once."""
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        if self._copy_same is not None:
            self._copy_same(data)
        try:
            self._stream.write(data)
            self._stream.flush()
        except (OSError, ValueError):
            return  # the stream is closed or broken, and there is nowhere left to say so

    def _finished(self, event: Event) -> str:
        """The stream's line, to be written; the copy's goes out here where it is another."""
        if self._copy_other is not None:
            append, render = self._copy_other
            append(f"{scrub(render(event))}\n".encode("utf-8", "backslashreplace"))
        return scrub(self._render(event))


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


def _text(event: Event) -> str:
    rest = {name: value for name, value in event.items() if name not in {"at", "level", "event", "logger", "exception"}}
    pairs = "".join(f"  {_word(str(name))}={_value(str(name), value)}" for name, value in rest.items())
    trace = "".join(f"\n    {escape(line)}" for line in str(event.get("exception", "")).splitlines())
    return f"{event['level']:<8} {escape(str(event.get('event', '')))}{pairs}{trace}"


def _value(name: str, value: object) -> str:
    """A value, masked whole under a secret's name: what is not JSON does not show where such a value ends."""
    return MASK if _SECRET_NAME.fullmatch(name) else _word(str(value))


def _word(text: str) -> str:
    """Text that cannot be taken for more than one name or value: in quotes where it holds a space or a sign of ours."""
    if not _SIGNS.search(text):
        return escape(text)
    return f'"{escape(text.replace(BACKSLASH, BACKSLASH * 2).replace(QUOTE, BACKSLASH + QUOTE))}"'


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
