"""The checks of the smoke test's rows can fail, each for its reason."""

import json

import pytest

from tollbar.cli.client import Reply
from tollbar.cli.probes import PROBES, Probe, Who, encode, files_of, has, is_error, is_page, is_stream, is_text
from tollbar.cli.probes import names_allow as allows
from tollbar.edge.openapi import document


def reply(body: object, kind: str = "application/json", **headers: str) -> Reply:
    """An answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(200, {"content-type": kind, **headers}, raw)


ERROR = {"error": {"message": "No.", "code": "nope"}}
HTML, EVENTS = "text/html; charset=utf-8", "text/event-stream"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (is_page(reply(b'<link rel="icon" href="docs/assets/mark.svg"><a href="https://x">', HTML)), ""),
        (is_page(reply(b'<script src="https://cdn/x.js">', HTML)), "loads https://cdn/x.js"),
        (is_page(reply(b'<link rel="stylesheet" href="//cdn/x.css">', HTML)), "loads //cdn/x.css"),
        (is_page(reply({})), "is no page but application/json"),
        (is_error(reply(ERROR)), ""),
        (is_error(reply({"detail": "Not Found"})), "tells its error in a shape of its own"),
        (is_error(reply(b"Internal Server Error")), "tells its error in a shape of its own"),
        (allows(reply(ERROR, allow="GET")), ""),
        (allows(reply(ERROR)), "does not say which methods are allowed"),
        (has("a.0.b", "c")(reply({"a": [{"b": "x"}], "c": 1})), ""),
        (has("a.0.b", "c")(reply({"a": []})), "lacks a.0.b, c"),
        (has("a")(reply([])), "lacks a"),
        (is_stream()(reply(b"data:  Hi\n\ndata: [DONE]\n\n", EVENTS)), ""),
        (is_stream("a.b")(reply(b'data: {"a":{"b":"x"}}\n\ndata: [DONE]\n\n', EVENTS)), ""),
        (is_stream("a.b")(reply(b'data: {"error":{}}\n\ndata: [DONE]\n\n', EVENTS)), "holds no text"),
        (is_stream()(reply(b"data: Hi\n\n", EVENTS)), "does not end in [DONE]"),
        (is_stream()(reply(b"data: [DONE]\n\n", EVENTS)), "holds no text"),
        (is_stream()(reply({})), "is no event stream but application/json"),
        (is_text(reply(b"Hi", "text/plain")), ""),
        (is_text(reply({})), "is no plain text but application/json"),
    ],
)
def test_a_check_says_what_is_wrong(fault: str, told: str) -> None:
    """Empty where nothing is."""
    assert fault == told


def test_files_of_a_page_are_found() -> None:
    """Relative or not; links to elsewhere are none."""
    page = reply(b'<script src="docs/assets/a.js"></script><link href="/docs/assets/b.css"><a href="docs">', HTML)
    assert files_of(page) == ["a.js", "b.css"]


def test_braces_are_filled_in() -> None:
    """Those that are known; bytes and other values stay."""
    assert encode({"model": "{model}", "n": 1, "x": "{y}"}, {"model": "m"}) == b'{"model": "m", "n": 1, "x": "{y}"}'
    assert (encode(b"{model}", {"model": "m"}), encode(None, {})) == (b"{model}", None)


def test_every_row_asks_with_a_key_where_the_document_wants_one() -> None:
    """A row for an address that needs a key brings one, unless it is about having none."""
    paths = document("1")["paths"]
    wrong = [
        probe
        for probe in PROBES
        if (told := paths.get(probe.path, {}).get(probe.method.lower()))
        and told["x-access"] in {"key", "admin"}
        and probe.who is Who.NOBODY
    ]
    assert wrong == []
    assert Probe("x", "GET", "/").status == (200,)
