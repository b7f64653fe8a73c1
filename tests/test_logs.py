"""The log: one line for each event, without secrets, whatever the values hold."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tests.counters.clock import ManualClock
from tollbar import logs
from tollbar.domain.identity import assemble

CLOCK = ManualClock()


@pytest.fixture(autouse=True)
def process_log() -> Iterator[None]:
    """Gives the process its logging back."""
    root, ours = logging.getLogger(), logging.getLogger("tollbar")
    handlers, levels = root.handlers, (root.level, ours.level)
    yield
    logging.captureWarnings(False)
    root.handlers = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    structlog.reset_defaults()


def configured(render: logs.Renderer = logs.render_json, level: str = "info") -> io.BytesIO:
    """A log that writes here."""
    stream = io.BytesIO()
    logs.configure_stream(stream, render, CLOCK.now, level)
    return stream


def events(stream: io.BytesIO) -> list[dict[str, Any]]:
    """The events that were written."""
    return [json.loads(line) for line in stream.getvalue().decode().splitlines()]


def test_an_event_is_a_line_of_json() -> None:
    """Moment, level, event and logger, then what the event says of itself."""
    stream = configured()
    structlog.get_logger("tollbar.access").info("request", status=200, path="/v1", seconds=0.25, key=None)
    assert stream.getvalue().decode() == (
        '{"at":"2026-01-01T02:00:00Z","level":"info","event":"request","status":200,"path":"/v1","seconds":0.25,'
        '"key":null,"logger":"tollbar.access"}\n'
    )


def test_levels_below_the_chosen_one_are_silent() -> None:
    """Debug events appear only where they are asked for."""
    stream = configured()
    structlog.get_logger().debug("step")
    assert events(stream) == []
    stream = configured(level="debug")
    structlog.get_logger().debug("step")
    assert [event["level"] for event in events(stream)] == ["debug"]


def test_an_exception_is_told_with_its_traceback() -> None:
    """The traceback is text in the same line, and its level is error."""
    stream = configured()
    try:
        raise ValueError("sk-proj-0123456789abcdef leaked")
    except ValueError:
        structlog.get_logger().exception("crashed")
    (event,) = events(stream)
    assert (event["level"], event["event"]) == ("error", "crashed")
    assert event["exception"].startswith("Traceback (most recent call last):\n")
    assert event["exception"].endswith("ValueError: sk-*** leaked")


def test_libraries_are_heard_from_a_warning_on() -> None:
    """The standard module's records are events too; ours at any level, others' only when they matter."""
    stream = configured()
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("uvicorn.error").warning("port %s is taken", 8000)
    logging.getLogger("tollbar.storage").info("opened")
    logging.getLogger("alembic").error("%d", "no number")
    assert [(event["logger"], event["level"], event["event"]) for event in events(stream)] == [
        ("uvicorn.error", "warning", "port 8000 is taken"),
        ("tollbar.storage", "info", "opened"),
        ("alembic", "error", "%d"),
    ]


@pytest.mark.anyio
async def test_the_request_s_id_follows_its_tasks() -> None:
    """Every event within carries the id, in tasks started there as well, and none outside."""
    stream = configured()
    log = structlog.get_logger()

    async def inner() -> None:
        log.info("inner")

    with logs.request("req_1"):
        log.info("outer")
        await asyncio.create_task(inner())
        log.info("own", request_id="req_2")
    log.info("after")
    assert [event.get("request_id") for event in events(stream)] == ["req_1", "req_1", "req_2", None]


OUR_KEY = assemble("0Djn0uqzRm", "SPWJWe4z59XHG9XduDOtIRw4B5li")
SECRETS = [
    OUR_KEY,
    OUR_KEY[:-1] + ("a" if OUR_KEY[-1] != "a" else "b"),
    "sk-proj-AbCdEfGhIjKlMnOpQrStUvWx",
    "sk-ant-api03-AbCdEfGh_IjKlMnOp",
    "gsk_AbCdEfGhIjKlMnOpQrStUvWx",
    "hf_AbCdEfGhIjKlMnOpQrStUvWx",
    "AIzaSyAbCdEfGhIjKlMnOpQrStUvWxYz01234",
    "xai-AbCdEfGhIjKlMnOpQrStUvWx",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "text",
    ["{}", "key={},", "Incorrect API key provided: {}.", '{{"a": "{}"}}', "https://h/p?x={}&y", "({})", "\n{}\n"],
)
def test_keys_are_masked_wherever_they_stand(secret: str, text: str) -> None:
    """Ours, mistyped too, and those of known vendors vanish from values, names and texts."""
    stream = configured()
    structlog.get_logger().info(text.format(secret), detail=[text.format(secret)], **{secret: 1})
    written = stream.getvalue().decode()
    assert secret[8:] not in written
    assert "***" in written
    assert len(events(stream)) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"authorization": "Bearer hush-hush-hush"},
        {"headers": {"Authorization": "hush-hush-hush", "Cookie": "a=hush-hush-hush; b=1"}},
        {"headers": {"x-api-key": 'hush-"hush-hush'}},
        {"x_api_key": "hush-hush-hush"},
        {"error": "sent Authorization: Basic hush-hush-hush="},
        {"error": "got bearer hush-hush-hush, expected none"},
        {"path": "/response?api_key=hush-hush-hush&tokens=3"},
        {"path": "/v1beta/models?alt=sse&key=hush-hush-hush"},
        {"error": "{'api_key': 'hush-hush-hush'}"},
        {"error": '{"password": "hush-hush-hush"}'},
        {"admin_secret": "hush-hush-hush"},
        {"Set-Cookie": "hush-hush-hush"},
    ],
)
@pytest.mark.parametrize("render", [logs.render_json, logs.render_readable])
def test_what_stands_under_a_secret_s_name_is_masked(values: dict[str, object], render: logs.Renderer) -> None:
    """Headers, fields and parameters are masked by their names, also where the secret has no known form."""
    stream = configured(render)
    structlog.get_logger().info("event", **values)
    written = stream.getvalue().decode()
    assert "hush-hush" not in written
    assert "***" in written


def test_what_is_no_secret_stays() -> None:
    """Ids, hints, model names and everyday words are not mistaken for secrets."""
    values = {
        "key_id": "a1B2c3D4e5",
        "hint": "sk-toll-…x9Qz",
        "key": "ci-bot",
        "model": "hf_hub/task-classifier-v2",
        "text": "The basic key of this risk-free secret, by a token bearer.",
        "tokens": 12,
    }
    stream = configured()
    structlog.get_logger().info("event", **values)
    (event,) = events(stream)
    assert {name: event[name] for name in values} == values
    stream = configured(logs.render_readable)
    structlog.get_logger().info("event", **values)
    assert "  key=ci-bot  " in stream.getvalue().decode()


NASTY = st.text(alphabet=st.characters() | st.sampled_from('\r\n\x1b\x00\x7f\x9b\u2028\u202e"\\'))


@given(
    event=NASTY, value=NASTY, name=NASTY.filter(lambda name: name not in {"event", "logger", "level", "at", "exc_info"})
)
def test_no_value_breaks_its_line(event: str, value: str, name: str) -> None:
    """Whatever text comes, there is one line of valid JSON, and nothing in it that a terminal would obey."""
    stream = configured()
    structlog.get_logger("x").info(event, **{name: value, "nested": {"deep": [value]}})
    written = stream.getvalue().decode()
    assert written.count("\n") == 1
    assert [character for character in written[:-1] if not character.isprintable() and ord(character) < 0xA0] == []
    assert not {"\u2028", "\u202e"} & set(written)
    json.loads(written)


@given(event=NASTY, value=NASTY)
def test_no_value_speaks_to_the_terminal(event: str, value: str) -> None:
    """On a terminal as well an event is one line, and control characters are shown instead of sent."""
    stream = configured(logs.render_readable)
    structlog.get_logger().info(event, value=value)
    written = stream.getvalue().decode()
    assert written.count("\n") == 1
    assert [character for character in written[:-1] if ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0] == []


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1: 2},
        {(1, 2): 3},
        10**30,
        float("nan"),
        b"\xff",
        "\ud800",
        {"a": "\ud800"},
        datetime(2026, 1, 1, tzinfo=UTC),
    ],
)
def test_any_value_can_be_logged(value: object) -> None:
    """A value that JSON cannot hold is told as text; the log never fails the caller."""
    stream = configured()
    structlog.get_logger().info("event", value=value)
    assert [event["level"] for event in events(stream)] == ["info"]


def test_a_value_without_end_can_be_logged() -> None:
    """A structure that holds itself is told as far as it goes."""
    endless: list[object] = []
    endless.append(endless)
    stream = configured()
    structlog.get_logger().info("event", value=endless)
    assert len(events(stream)) == 1


def test_a_closed_stream_is_no_reason_to_fail() -> None:
    """When nobody can read the log any more, the caller goes on."""
    stream = configured()
    stream.close()
    structlog.get_logger().info("event")


def test_people_read_time_level_and_pairs() -> None:
    """On a terminal an event is short, and a traceback stands below it."""
    stream = configured(logs.render_readable)
    log = structlog.get_logger("tollbar.access")
    log.warning("slow", seconds=2, path="/v1\n/x")
    try:
        raise KeyError("gone")
    except KeyError as fault:
        log.error("failed", exc_info=fault)
    first, second, *below = stream.getvalue().decode().splitlines()
    moment = f"{CLOCK.now().astimezone():%H:%M:%S}"
    assert first == f'{moment} warning  slow  seconds=2  path="/v1\\n/x"'
    assert second == f"{moment} error    failed"
    assert [line[:4] for line in below] == ["    "] * len(below)
    assert below[-1].strip() == "KeyError: 'gone'"


def test_a_file_in_text_has_the_date_in_utc() -> None:
    """Who reads it tomorrow knows when it was."""
    stream = configured(logs.render_text)
    structlog.get_logger().info("started", port=8000)
    assert stream.getvalue().decode() == "2026-01-01T02:00:00Z info     started  port=8000\n"


@given(
    event=NASTY, value=NASTY, name=NASTY.filter(lambda name: name not in {"event", "logger", "level", "at", "exc_info"})
)
def test_no_value_breaks_its_line_of_text(event: str, value: str, name: str) -> None:
    """In text form, too, an event is one line, without anything that a terminal would obey; a traceback is set in."""
    stream = configured(logs.render_text)
    structlog.get_logger("x").info(event, **{name: value, "nested": {"deep": [value]}})
    try:
        raise ValueError(value)
    except ValueError as fault:
        structlog.get_logger("x").error("crashed", exc_info=fault)
    written = stream.getvalue().decode()
    lines = written[:-1].split("\n")
    assert [line[:20] for line in lines if not line.startswith("    ")] == ["2026-01-01T02:00:00Z"] * 2
    assert [character for character in "".join(lines) if not character.isprintable() and ord(character) < 0xA0] == []
    assert not {"\u2028", "\u202e"} & set(written)


@given(value=NASTY | st.just("x  status=200"))
def test_no_value_in_text_can_be_taken_for_another(value: str) -> None:
    """After a name there is one word, or one text in quotes: what a value holds is no pair of its own."""
    stream = configured(logs.render_text)
    structlog.get_logger().info("event", path=value, status=404)
    said = stream.getvalue().decode()[:-1].partition("  path=")[2]
    word, quoted = r"[^\s=\"]*", r'"(?:[^"\\]|\\.)*"'
    assert re.fullmatch(rf"(?:{quoted}|{word})  status=404", said), said


@pytest.mark.parametrize("name", ["cookie", "Set-Cookie", "password", "x-api-key", "authorization"])
def test_in_text_a_secret_s_whole_value_is_masked(name: str) -> None:
    """Where it holds spaces and semicolons as well."""
    stream = configured(logs.render_text)
    structlog.get_logger().info("event", **{name: "a=hush; b=hush hush"})
    assert "hush" not in stream.getvalue().decode()


@pytest.mark.parametrize(
    ("style", "is_watched", "expected"),
    [
        ("json", True, logs.render_json),
        ("auto", False, logs.render_json),
        ("text", False, logs.render_text),
        ("text", True, logs.render_readable),
    ],
)
def test_a_style_names_a_form(style: str, is_watched: bool, expected: logs.Renderer) -> None:
    """The words of the setting."""
    assert logs.renderer(style, is_watched) is expected


@pytest.mark.parametrize("render", [logs.render_json, logs.render_text])
def test_every_line_is_copied(render: logs.Renderer) -> None:
    """Each door's events, in the same or another form, masked, while the copy is wanted; the stream gets them too."""
    stream, copied = io.BytesIO(), []
    sink = logs.configure_stream(stream, logs.render_json, CLOCK.now)
    with sink.copied(copied.append, render):
        sink.emit({"event": "call", "key": "sk-0123456789abcdef"})
        structlog.get_logger("tollbar").info("request")
        structlog.get_logger("tollbar").debug("silent")
        logging.getLogger("other").warning("library")
    sink.emit({"event": "after"})
    assert [event["event"] for event in events(stream)] == ["call", "request", "library", "after"]
    assert [line.endswith(b"\n") for line in copied] == [True] * 3
    assert b"sk-***" in copied[0]
    assert b"library" in copied[2]
    assert (copied == stream.getvalue().splitlines(keepends=True)[:3]) is (render is logs.render_json)


def test_a_closed_stream_does_not_keep_a_line_from_its_copy() -> None:
    """Standard error may be gone: the file is there."""
    stream, copied = io.BytesIO(), []
    sink = logs.configure_stream(stream, logs.render_json, CLOCK.now)
    stream.close()
    with sink.copied(copied.append, logs.render_json):
        sink.emit({"event": "call"})
    assert len(copied) == 1


@pytest.mark.parametrize(
    "text", ["sk-" * 30_000, "bearer " * 15_000, '"cookie":"' * 10_000, "eyJ." * 25_000, "key=" * 25_000]
)
@pytest.mark.timeout(10)
def test_masking_is_linear(text: str) -> None:
    """A hundred kilobytes made to make the patterns work hard are masked at once."""
    assert logs.scrub(text)
