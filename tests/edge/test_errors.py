"""Every failure has the shape of its address, whoever raised it."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from structlog.testing import capture_logs

from tests.edge.stage import ADMIN_KEY, CALL_KEY, JSON, Answer, Stage, a_stage, bearer, call
from tollbar.admin.self_service import SelfServiceTerms
from tollbar.edge.credentials import GOOGLE_PLACE
from tollbar.edge.errors import nearest
from tollbar.edge.refusal import ConnectionLimits, address_too_long, bad_request, head_too_large, path_of, too_slow
from tollbar.edge.routes import CALLS, PAGES, pattern_of
from tollbar.edge.services import Doors
from tollbar.edge.shapes import ANTHROPIC_PLACES, GOOGLE, OLLAMA_PLACES, OPENAI_PLACES, shape_of

pytestmark = pytest.mark.anyio

ROWS = [(row.method, row.path) for row in (*CALLS, *PAGES)]
ADDRESSES = sorted({path for _, path in ROWS})
KEYS = "/admin/api/keys"


SWITCHED_OFF = ("/current-key", "/generate_api")
"""Addresses that do not answer until a setting says so."""


def filled(path: str) -> str:
    """An address with its parameters filled in."""
    return (
        path.replace("{model:path}", "a/b")
        .replace("{model_name:path}", "a/b")
        .replace("{key_id}", "callcallca")
        .replace("{name}", "mark.svg")
    )


DIALECT_PLACES = (*OPENAI_PLACES, *ANTHROPIC_PLACES, *OLLAMA_PLACES, GOOGLE_PLACE)
TYPES = {
    "invalid_json": "invalid_request_error",
    "invalid_type": "invalid_request_error",
    "invalid_value": "invalid_request_error",
    "method_not_allowed": "invalid_request_error",
    "payload_too_large": "request_too_large",
    "missing_api_key": "authentication_error",
    "invalid_api_key": "authentication_error",
    "forbidden": "permission_error",
    "internal_error": "api_error",
    "not_found": "not_found_error",
}
"""Errors by their code, as Anthropic's clients know them."""
READ = [(method, path) for method, path in ROWS if not path.endswith("/files")]  # whose forms go on unread
WRITES = [(method, filled(path)) for method, path in READ if method in ("POST", "PATCH")] + [("GET", "/response")]


def told(path: str, answer: Answer) -> str:
    """The code of an error in lower case, having checked that it is written as the address's clients read it."""
    code: str = answer.error["code"]
    assert code == (code.lower() if path.startswith(DIALECT_PLACES) else code.upper())
    return code.lower()


def word(path: str, code: str) -> str:
    """What an address calls an error."""
    return TYPES[code] if path.startswith(ANTHROPIC_PLACES) else code


def key_for(path: str) -> tuple[bytes, bytes]:
    """The key that opens an address."""
    return bearer(ADMIN_KEY if path.startswith("/admin") else CALL_KEY)


async def test_an_unknown_address_names_the_nearest_one() -> None:
    """A slip in an address is answered with the address that was meant."""
    answer = await (await a_stage()).ask("POST", "/v1/chat/completion")
    assert answer.status == 404
    assert answer.error["code"] == "not_found"
    assert "/v1/chat/completions?" in answer.error["message"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/V1/ME", "/v1/me"),
        ("/healthy", "/health"),
        ("/admin/api/key", "/admin/api/keys"),
        ("/nothing/like/anything", None),
        ("/" + "a" * 9_000, None),
    ],
)
def test_the_nearest_address_is_found(typed: str, meant: str | None) -> None:
    """Slips lead to what was meant, strange addresses nowhere."""
    assert nearest(typed) == meant


async def test_a_wrong_method_names_the_right_ones() -> None:
    """405 says in `Allow` and in words what the address answers; a page that only shows answers HEAD too."""
    stage = await a_stage()
    for path in ADDRESSES:
        fitting = [row for row in (*CALLS, *PAGES) if pattern_of(row.path).match(filled(path))]
        expected = list(dict.fromkeys(method for row in fitting for method in row.methods))
        answer = await stage.ask("TRACE", filled(path))
        assert (answer.status, told(path, answer)) == (405, word(path, "method_not_allowed"))
        assert answer.header("allow") == ", ".join(expected)
        assert answer.error["message"].endswith(f"It answers {', '.join(expected)}.")


async def test_an_address_below_or_beside_a_known_one_is_unknown() -> None:
    """404 in our shape, never the framework's, nor a redirect."""
    stage = await a_stage()
    for path in ("/v2/x", "/v1/chat", "/admin", "/docs/assets", "/health/x", "/%", "/\x00", "/é", "//"):
        answer = await stage.ask("GET", path)
        assert (path, answer.status, told(path, answer)) == (path, 404, word(path, "not_found"))


async def test_a_trailing_slash_is_another_address() -> None:
    """No redirect that would turn a POST into a GET; the nearest address is named."""
    answer = await (await a_stage()).ask("POST", "/v1/chat/completions/")
    assert answer.status == 404
    assert "Did you mean /v1/chat/completions?" in answer.error["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b'{"name": "a"', "invalid_json"),
        (b"[" * 100_000 + b"]" * 100_000, "invalid_json"),
        (b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}", "invalid_json"),
        (b'{"rpm": ' + b"9" * 5_000 + b"}", "invalid_json"),
        (b'{"rpm": NaN}', "invalid_json"),
        (b'{"name": "\xff"}', "invalid_json"),
        (b'{"name": "\x00"}', "invalid_json"),
        (b"[]", "invalid_type"),
        (b"3", "invalid_type"),
        (b'{"name": "a", "name": "b"}', "invalid_value"),
    ],
)
async def test_a_hostile_body_is_a_clean_refusal(body: bytes, code: str) -> None:
    """Bad JSON, depth, endless numbers, invalid UTF-8 and double fields are told apart, on every address that reads."""
    stage = await a_stage()
    for method, path in WRITES:
        answer = await stage.ask(method, path, key_for(path), JSON, body=body)
        status = 400 if path.startswith(DIALECT_PLACES) else 422
        assert (path, answer.status, told(path, answer)) == (path, status, word(path, code))
        assert answer.header("x-should-retry") == "false"


def limit_of(path: str) -> int:
    """The longest body that an address takes."""
    row = next((row for row in CALLS if filled(row.path) == path), None)
    return 33_554_432 if row is not None and not row.is_simple else 1_048_576


async def test_a_large_body_is_refused_unread_where_its_length_is_told() -> None:
    """On every address that reads; the error names the figure, and a setting only where one applies."""
    stage = await a_stage()
    for method, path in WRITES:
        length = (b"content-length", str(limit_of(path) + 1).encode())
        answer = await call(stage.application, method, path, [key_for(path), JSON, length], pieces=()).answer()
        assert (path, answer.status, told(path, answer)) == (path, 413, word(path, "payload_too_large"))
        if not (path.startswith(ANTHROPIC_PLACES) or shape_of(path) is GOOGLE):  # which have no place for a figure
            assert answer.error["details"] == {"max": limit_of(path)}
        assert ("setting" in answer.error["message"]) is not path.startswith(("/admin/", "/api/show", "/v1/requests/"))


async def test_a_large_body_of_untold_length_is_refused_as_it_comes() -> None:
    """A chunked body is counted as it arrives, in many pieces or in one, on every address that reads."""
    stage = await a_stage()
    for method, path in WRITES:
        size = limit_of(path)
        for pieces in ([b"x" * (size // 2 + 1)] * 4, [b"x" * (size + 1)]):
            answer = await call(stage.application, method, path, [key_for(path), JSON], pieces=pieces).answer()
            assert (path, answer.status, told(path, answer)) == (path, 413, word(path, "payload_too_large"))


class Crashing:
    """Stands for a part of ours that is broken in a way that nobody thought of."""

    async def enter(self, *arguments: object) -> None:
        """Crashes at the first gate of a page."""
        raise ValueError("the secret is swordfish")

    principal = caller = refusal = enter


async def test_a_crash_has_the_shape_of_its_address() -> None:
    """500 on every row of the table, in the dialect that its callers read, with its id and nothing of the fault."""
    stage = await a_stage()
    broken: Any = Crashing()
    stage.rebuild(Doors(gate=broken, rotating=broken, self_service=SelfServiceTerms(), admin_secret=b"open"))
    stage.scene.gateway.authenticator = broken
    for method, path in ROWS:
        where = filled(path)
        headers = [JSON, (b"admin-secret", b"open")] + ([key_for(where)] if path != "/current-key" else [])
        with capture_logs() as lines:
            answer = await call(stage.application, method, where, headers, [b"{}"]).answer()
        assert (path, answer.status, told(where, answer)) == (path, 500, word(where, "internal_error"))
        assert (b"swordfish" in answer.body, answer.header("x-request-id") in answer.error["message"]) == (False, True)
        assert [line["event"] for line in lines if "crashed" in line["event"]] != [], path


async def test_a_row_has_nothing_below_it_but_what_the_table_says() -> None:
    """404 under every row that has no rows of its own there, in the shape of its place."""
    stage = await a_stage()
    for _, path in ROWS:
        below = f"{filled(path).rstrip('/')}/there/is/nothing"
        if ":path" in path or below.startswith(("/generate/", "/models/", "/v1/models/", "/v1beta/models/")):
            continue
        for method in ("GET", "POST"):
            answer = await stage.ask(method, below)
            assert (below, answer.status, told(below, answer)) == (below, 404, word(below, "not_found"))


@pytest.mark.parametrize("path", ["/health", "/generate_api", "/docs", "/v1/me", "/admin/api/keys"])
async def test_a_line_feed_makes_another_address(path: str) -> None:
    """Nobody gets around the limits of an address by one."""
    answer = await (await a_stage()).ask("GET", f"{path}\n", key_for(path))
    assert (answer.status, told(path, answer)) == (404, word(path, "not_found"))


@pytest.mark.parametrize(("method", "path"), ROWS)
def test_what_is_refused_at_the_door_has_the_shape_of_its_address(method: str, path: str) -> None:
    """A head too large, an address too long, a request too slow and one that is ambiguous: on every row."""
    limits = ConnectionLimits()
    where = path_of(quote(filled(path)).encode())
    refusals = [bad_request("No."), too_slow("body", 60), address_too_long(limits), head_too_large(limits)]
    for refusal, status in zip(refusals, (400, 408, 414, 431), strict=True):
        head, _, body = refusal.answer(where, "req_1", []).partition(b"\r\n\r\n")
        answer = Answer(status, [(b"content-type", b"application/json"), (b"x-request-id", b"req_1")], body)
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert told(where, answer)


async def test_a_crash_tells_its_id_and_nothing_else() -> None:
    """500 carries the id under which the log has the rest; the message of the fault stays inside."""
    stage = await a_stage()

    def crash() -> dict[str, object]:
        raise ValueError("the secret is swordfish")

    stage.status = crash
    with capture_logs() as lines:
        answer = await stage.ask("GET", "/health")
    assert [line["event"] for line in lines] == ["request.crashed", "request"]
    assert {line["request_id"] for line in lines} == {answer.header("x-request-id")}
    assert (answer.status, answer.error["code"]) == (500, "INTERNAL_ERROR")
    assert str(answer.header("x-request-id")) in answer.error["message"]
    assert b"swordfish" not in answer.body
    assert isinstance(answer.fault, ValueError)


async def test_a_caller_who_leaves_before_the_body_is_whole_is_no_crash() -> None:
    """Nothing is changed, and the log has nginx's status for it."""
    stage = await a_stage()
    headers = [bearer(ADMIN_KEY), JSON]
    caller = call(stage.application, "POST", KEYS, headers, pieces=[b'{"name": '], leaves=True)
    answer = await caller.answer()
    assert (answer.status, answer.fault) == (0, None)
    assert stage.changed_keys == []


async def test_no_answer_is_the_frameworks() -> None:
    """Whatever a row answers without a key and without a body, it is not FastAPI's `detail`, and it has an id."""
    stage = await a_stage()
    for number, (method, path) in enumerate(ROWS):
        caller = call(stage.application, method, filled(path), client=(f"192.0.2.{number}", 1))
        answer = await caller.answer()
        assert answer.status in {200, 401} or path in SWITCHED_OFF
        assert (answer.header("x-request-id") or "").startswith("req_")
        if answer.status == 401:
            assert told(path, answer) in {"missing_api_key", "invalid_api_key", "authentication_error"}


async def test_a_long_address_is_quoted_in_part() -> None:
    """An error repeats at most a hundred characters of what was sent."""
    answer = await (await a_stage()).ask("GET", "/" + "a" * 5_000)
    assert "a" * 101 not in answer.error["message"]


async def test_markup_in_an_address_comes_back_as_json_only() -> None:
    """What was typed comes back inside a JSON string that no browser takes for a page."""
    answer = await (await a_stage()).ask("GET", "/<script>alert(1)</script>")
    assert answer.header("content-type") == "application/json"
    assert answer.header("x-content-type-options") == "nosniff"


async def test_faults_are_told_in_order_of_need() -> None:
    """The key is checked before the body is read, a missing field comes before a wrong type, that before a value."""
    stage: Stage = await a_stage()
    body = json.dumps({"rpm": "many", "nonsense": 1}).encode()
    without_key = await stage.ask("POST", KEYS, JSON, body=b"{")
    assert without_key.error["code"] == "INVALID_API_KEY"
    missing = await stage.ask("POST", KEYS, bearer(ADMIN_KEY), JSON, body=body)
    assert (missing.error["code"], missing.error["field"]) == ("MISSING_REQUIRED_FIELD", "name")
    fields = [fault["field"] for fault in missing.error["details"]["faults"]]
    assert fields == ["name", "rpm", "nonsense"]
