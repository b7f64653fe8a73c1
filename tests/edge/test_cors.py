"""What browsers are told about pages of other sites: which may call, what they may read, and that no more is open."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from tests.edge.stage import ADMIN_KEY, CALL_KEY, Answer, Stage, a_stage, bearer, call
from tests.fakes import FakeProvider, says
from tests.making import a_body
from tollbar.domain.events import Frames
from tollbar.edge.application import application
from tollbar.edge.cors import EXPOSED, open_methods
from tollbar.edge.prose import HEADERS, RATE_HEADERS
from tollbar.edge.routes import CALLS, PAGES, Access

pytestmark = pytest.mark.anyio

APP, STRANGER = b"https://app.example", b"https://evil.example"
CALL = "/v1/chat/completions"
PRIVATE = ("/admin/api/keys", "/metrics", "/", "/docs", "/nowhere")


async def opened(*origins: str) -> Stage:
    """The whole surface, open to pages of these origins."""
    stage = await a_stage(FakeProvider(says(Frames(b"{}", True, 1, is_last=True))))
    stage.application = application(stage.services, origins=origins)
    return stage


async def preflight(stage: Stage, path: str, origin: bytes, method: bytes = b"POST", wanted: bytes = b"") -> Answer:
    """What a browser asks before it lets a page send a request."""
    headers = [(b"origin", origin), (b"access-control-request-method", method)]
    headers += [(b"access-control-request-headers", wanted)] if wanted else []
    return await stage.ask("OPTIONS", path, *headers)


def permissions(answer: Answer) -> list[str]:
    """The headers of an answer that open anything."""
    return [name.decode() for name, _ in answer.headers if name.startswith(b"access-control-")]


@pytest.mark.parametrize("path", [*(row.path for row in CALLS), "/v1/models", "/v1/models/a/b", "/v1/me"])
async def test_a_preflight_of_a_named_origin_is_granted_where_a_key_opens(path: str) -> None:
    """The origin, the methods of the address, and whatever headers the page wants to send."""
    answer = await preflight(await opened("https://app.example"), path, APP, wanted=b"authorization, x-stainless-os")
    told = dict(answer.headers)
    assert (answer.status, answer.body) == (204, b"")
    assert told[b"access-control-allow-origin"] == APP
    assert told[b"access-control-allow-methods"] == ", ".join(open_methods(path)).encode()
    assert told[b"access-control-allow-headers"] == b"authorization, x-stainless-os"
    assert b"access-control-allow-credentials" not in told
    assert [value for name, value in answer.headers if name == b"vary"] == [
        b"origin",
        b"access-control-request-headers",
    ]


async def test_a_preflight_is_an_answer_like_any_other() -> None:
    """It has an id, the telemetry, and a line in the log."""
    stage = await opened("*")
    with capture_logs() as lines:
        answer = await preflight(stage, CALL, APP)
    assert [(line["event"], line["method"], line["status"]) for line in lines] == [("request", "OPTIONS", 204)]
    assert answer.header("x-request-id") == lines[0]["request_id"]
    assert answer.header("x-process-time") is not None


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("origins", [("*",), ("https://app.example",)])
async def test_what_no_key_for_calls_opens_stays_closed(path: str, origins: Sequence[str]) -> None:
    """Administration, metrics (which need no key from this machine) and pages are for nobody's scripts."""
    stage = await opened(*origins)
    asked = await preflight(stage, path, APP, b"GET")
    got = await stage.ask("GET", path, bearer(ADMIN_KEY), (b"origin", APP))
    assert permissions(asked) + permissions(got) == []
    assert asked.status in {404, 405}


def test_only_addresses_that_a_key_opens_are_open() -> None:
    """The whole table, row by row."""
    for row in (*CALLS, *PAGES):
        path = row.path.replace("{model:path}", "m").replace("{key_id}", "k").replace("{name}", "n")
        assert (row.method in open_methods(path)) is (row.access is Access.KEY), path


async def test_a_stranger_is_told_nothing() -> None:
    """Its preflight fails as any wrong method does, and its page cannot read what the browser gets."""
    stage = await opened("https://app.example")
    asked = await preflight(stage, CALL, STRANGER)
    got = await stage.ask("GET", "/v1/models", bearer(CALL_KEY), (b"origin", STRANGER))
    assert (asked.status, asked.error["code"]) == (405, "method_not_allowed")
    assert permissions(asked) + permissions(got) == []


@pytest.mark.parametrize("origin", [b"null", b"https://app.example.evil", b"https://APP.example", b"app.example", b""])
async def test_origins_are_compared_whole(origin: bytes) -> None:
    """Nothing that is only like a named origin passes."""
    assert permissions(await preflight(await opened("https://app.example"), CALL, origin)) == []


async def test_answers_show_the_page_their_headers() -> None:
    """A call's answer names the origin and the headers of ours that the page may read."""
    stage = await opened("https://app.example")
    answer = await stage.ask("POST", CALL, bearer(CALL_KEY), (b"origin", APP), body=a_body(stream=None))
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.header("access-control-allow-origin") == "https://app.example"
    assert answer.header("access-control-expose-headers") == ", ".join(EXPOSED)
    assert answer.header("vary") == "origin"


@pytest.mark.parametrize(("path", "status"), [(CALL, 401), ("/v1/me", 401), ("/v1/models/nope", 401)])
async def test_errors_can_be_read_by_the_page_too(path: str, status: int) -> None:
    """Otherwise a wrong key would look like a network fault."""
    stage = await opened("*")
    answer = await stage.ask("POST" if path == CALL else "GET", path, (b"origin", APP))
    assert answer.status == status
    assert answer.header("access-control-allow-origin") == "*"


async def test_without_an_origin_nothing_is_added() -> None:
    """Programs that are no browsers get the same answer as ever."""
    answer = await (await opened("*")).ask("GET", "/v1/models", bearer(CALL_KEY))
    assert permissions(answer) == []


async def test_nothing_is_open_by_default() -> None:
    """Without origins there is no such layer, and a preflight is a wrong method."""
    stage = await a_stage()
    asked = await preflight(stage, CALL, APP)
    got = await stage.ask("GET", "/v1/models", bearer(CALL_KEY), (b"origin", APP))
    assert asked.status == 405
    assert permissions(asked) + permissions(got) == []


@pytest.mark.parametrize("wanted", [b"a\r\nset-cookie: x", b"a b", b", ", b"x" * 5_000, "café".encode()])
async def test_a_list_of_headers_that_is_none_is_not_repeated(wanted: bytes) -> None:
    """What comes from outside goes into an answer's head only in the form that it must have."""
    answer = await preflight(await opened("*"), CALL, APP, wanted=wanted)
    assert (answer.status, answer.header("access-control-allow-headers")) == (204, None)


async def test_a_page_that_streams_is_told_before_the_first_piece() -> None:
    """The permission is on the head of the stream."""
    stage = await opened("*")
    caller = call(stage.application, "POST", CALL, [bearer(CALL_KEY), (b"origin", APP)], (a_body(stream=True),))
    answer = await caller.answer()
    assert answer.header("access-control-allow-origin") == "*"


def test_every_header_that_is_exposed_is_documented() -> None:
    """The names are those of the document, rate headers included."""
    assert set(EXPOSED) <= set(HEADERS)
    assert set(RATE_HEADERS) <= set(EXPOSED)
