"""The contract of the simple systems, row by row, over real sockets and with the limits that hold by default."""

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

import pytest
import requests

from tests.journeys.bodies import frames, receive, text_of
from tests.journeys.stand import ADMIN_KEY, LAB_KEY, Gateway, connected, started, wait_until
from tests.settings.making import make
from tests.upstream import FakeUpstream
from tests.wire.simple.sse_reader import read_events
from tollbar.edge.routes import CALLS, PAGES, public_path

ADMIN_SECRET = "the admin secret of the conformance"
VARIABLES = {
    "TOLLBAR_ADMIN_KEY": ADMIN_KEY,
    "LAB_KEY": LAB_KEY,
    "ADMIN_SECRET": ADMIN_SECRET,
    "TOLLBAR_SELF_SERVICE": "true",
}
MORE = """\
models:
  cloud: lab/ok
  home: lab/chunks:3
  small: {targets: [lab/ok], context: 50}
  down: {targets: [lab/error-503], attempts: 1}
  slow: {targets: [lab/stall], attempts: 1}
  refused: lab/error-401
  sleepy: lab/slow-headers:400
default_model: cloud
default_local_model: home
self_service: {models: [cloud, home], credits: 100}
server: {trusted_proxies: [127.0.0.1]}
timeouts: {simple_attempt_seconds: 2}
"""
WORDS, HOME = "word0 word1 word2 word3 word4 ", "word0 word1 word2 "
EVERYWHERE = ("x-request-id", "x-process-time", "x-memory-used", "x-memory-delta")
STANDING = tuple(f"x-ratelimit-{what}-requests" for what in ("limit", "remaining", "reset"))
_addresses = (f"203.0.{number // 250}.{number % 250 + 1}" for number in count())
_lock = threading.Lock()


def somewhere() -> str:
    """An address from which nobody has asked yet."""
    with _lock:
        return next(_addresses)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway with the usual limits, behind a proxy on this machine that says where callers are."""
    with started(tmp_path_factory.mktemp("conformance"), up, MORE, VARIABLES) as gateway:
        yield gateway


ENDLESS = "/v1/me/usage/stream"
"""An answer that ends with the server: only its head is read."""


def ask(
    gateway: Gateway, endpoint: str, body: object = None, key: str | None = None, address: str = "", **headers: str
) -> requests.Response:
    """A request such as `POST /generate?stream=true`, each from an address of its own; every answer has its headers."""
    method, _, path = endpoint.partition(" ")
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    given |= {"x-forwarded-for": address or somewhere(), **({"x-api-key": key} if key else {})}
    raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    given |= {"content-type": "application/json"} if raw is not None else {}
    options = {"timeout": 30, "allow_redirects": False, "stream": path == ENDLESS}
    answer = requests.request(method, gateway.url + path, data=raw, headers=given, **options)
    if path == ENDLESS:
        answer.close()
    assert [name for name in EVERYWHERE if name not in answer.headers] == [], endpoint
    assert float(answer.headers["x-process-time"]) >= 0
    assert float(answer.headers["x-memory-used"]) > 1
    float(answer.headers["x-memory-delta"])
    return answer


# --------------------------------------------------------------------------------------------------- the endpoints (§2)


Check = Callable[[requests.Response], bool]


@dataclass(frozen=True)
class Row:
    """One line of the table: what is sent, and what must come back."""

    endpoint: str
    status: int
    shape: str
    holds: Check
    body: object = None
    streaming: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    is_keyless: bool = False
    planned: tuple[str, ...] = ()


def is_own_key(answer: requests.Response) -> bool:
    """The three fields of the first system, to the letter."""
    told = answer.json()
    return (
        list(told) == ["One Time API key", "Generation Time", "!"]
        and re.fullmatch(r"[A-Za-z0-9]{31}", told["One Time API key"]) is not None
        and datetime.strptime(told["Generation Time"], "%Y-%m-%d %H:%M:%S").year > 2000  # noqa: DTZ007
        and told["!"] == "Don't share this secret API key."
    )


def is_weekly_key(answer: requests.Response) -> bool:
    """The two fields of the second system."""
    told = answer.json()
    is_key = re.fullmatch(r"sk-[A-Za-z0-9]{16}", told["api_key"]) is not None
    return set(told) == {"api_key", "expiry"} and is_key and datetime.fromisoformat(told["expiry"]).tzinfo is not None


def is_completion(text: str) -> Check:
    """A chat completion of OpenAI's that says a text, with its usage."""

    def holds(answer: requests.Response) -> bool:
        told = answer.json()
        said = told["choices"][0]["message"]["content"]
        return (told["object"], said, told["usage"]["prompt_tokens"]) == ("chat.completion", text, 10)

    return holds


def is_exactly(document: object) -> Check:
    """JSON, and this."""
    return lambda answer: answer.headers["content-type"] == "application/json" and answer.json() == document


def is_events(answer: requests.Response) -> bool:
    """Events with the text's pieces as they are, closed by `[DONE]`."""
    events = [event.data for event in read_events(answer.content)]
    is_stream = answer.headers["content-type"].startswith("text/event-stream")
    return is_stream and "".join(events[:-1]) in (WORDS, HOME) and events[-1] == "[DONE]" and len(events) > 3


def is_chunks(answer: requests.Response) -> bool:
    """Events that are chunks of OpenAI's, closed by `[DONE]`."""
    events = frames(answer.content)
    return events[-1] == "[DONE]" and text_of(events) in (WORDS, HOME)


def is_raw_text(answer: requests.Response) -> bool:
    """The text and nothing else, in chunks."""
    kind, framing = answer.headers["content-type"], answer.headers.get("transfer-encoding")
    return (answer.text, kind, framing) == (HOME, "text/plain; charset=utf-8", "chunked")


def is_life(answer: requests.Response) -> bool:
    """That it lives, with what it knows."""
    told = answer.json()
    return told["status"] == "ok" and {"version", "uptime_seconds"} <= set(told)


def is_page(answer: requests.Response) -> bool:
    """HTML."""
    return answer.headers["content-type"].startswith("text/html")


def is_document(answer: requests.Response) -> bool:
    """The whole document: every address of the table is in it."""
    paths = answer.json()["paths"]
    return all(row.method.lower() in paths[public_path(row.path)] for row in (*CALLS, *PAGES))


def is_list(answer: requests.Response) -> bool:
    """The names of models."""
    return {"cloud", "home"} <= {model["id"] for model in answer.json()["data"]}


def is_invalid_model(answer: requests.Response) -> bool:
    """The fourth system's words, and the names that would do."""
    error = answer.json()["error"]
    return error["message"] == "Invalid model name" and isinstance(error["details"]["allowed"], list)


PROMPT = {"prompt": "What is Python?", "temperature": 0.5, "top_p": 0.9, "max_tokens": 50}
SYSTEM = {"system_prompt": "Be brief.", "message": "Hi", "tokens": 200}
QUERY = "?system_prompt=Be%20brief.&message=Hi&tokens=200"
TALK = {"model": "cloud", "messages": [{"role": "user", "content": "Hi"}]}
SSE, TEXT = "events, [DONE]", "raw text, chunked"
RESPONSE = '{"response"}'
COMPLETION = "chat completion"
EVENTS = {"accept": "text/event-stream"}
ROWS = (
    Row("GET /generate_api", 200, "three fields", is_own_key, is_keyless=True),
    Row("GET /response", 200, RESPONSE, is_exactly({"response": WORDS}), SYSTEM),
    Row(f"GET /response{QUERY}", 200, RESPONSE, is_exactly({"response": WORDS})),
    Row("POST /response", 200, RESPONSE, is_exactly({"response": WORDS}), SYSTEM),
    Row(f"GET /response{QUERY}&stream=true", 200, "text", is_events, streaming=SSE),
    Row("GET /current-key", 200, "two fields", is_weekly_key, None, "", {"admin_secret": ADMIN_SECRET}, True),
    Row("POST /chat", 200, COMPLETION, is_completion(WORDS), {"prompt": "A joke"}),
    Row("POST /chat", 200, "the local model", is_completion(HOME), {"prompt": "A joke"}, planned=("error-401",)),
    Row("POST /chat?stream=true", 200, "chunks", is_chunks, {"prompt": "A joke"}, SSE),
    Row("POST /local-chat", 200, COMPLETION, is_completion(HOME), {"prompt": "A joke"}),
    Row("POST /local-chat?stream=true", 200, "chunks", is_chunks, {"prompt": "A joke"}, SSE),
    Row("POST /generate", 200, RESPONSE, is_exactly({"response": WORDS}), PROMPT),
    Row("POST /generate?stream=true", 200, "text", is_events, PROMPT, SSE),
    Row("POST /generate/home", 200, RESPONSE, is_exactly({"response": HOME}), PROMPT),
    Row("POST /generate/home?stream=true", 200, "text", is_events, PROMPT, SSE),
    Row("POST /generate/nothing", 400, "Invalid model name", is_invalid_model, PROMPT),
    Row("POST /local/generate", 200, RESPONSE, is_exactly({"response": HOME}), PROMPT),
    Row("POST /local/generate?stream=true", 200, "text", is_raw_text, PROMPT, TEXT),
    Row("POST /local/generate?stream=true", 200, "text", is_events, PROMPT, SSE, EVENTS),
    Row("POST /question", 200, '{"text"}', is_exactly({"text": WORDS}), {"text": "Hello!"}),
    Row("POST /question?stream=true", 200, "text", is_events, {"text": "Hello!"}, SSE),
    Row("GET /health", 200, "status, version, uptime", is_life, is_keyless=True),
    Row("GET /healthz", 200, "status, version, uptime", is_life, is_keyless=True),
    Row("GET /docs", 200, "page", is_page, is_keyless=True),
    Row("GET /redoc", 200, "page", is_page, is_keyless=True),
    Row("GET /openapi.json", 200, "every address", is_document, is_keyless=True),
    Row("POST /chat/completions", 200, COMPLETION, is_completion(WORDS), TALK),
    Row("POST /v1/chat/completions", 200, COMPLETION, is_completion(WORDS), TALK),
    Row("POST /chat/completions", 200, "chunks", is_chunks, {**TALK, "stream": True}, SSE),
    Row("GET /models", 200, "list", is_list),
    Row("GET /v1/models", 200, "list", is_list),
)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.endpoint} {row.shape} {row.streaming}".strip() for row in ROWS])
def test_every_endpoint_answers_as_its_row_says(gateway: Gateway, up: FakeUpstream, key: str, row: Row) -> None:
    """The status and the shape, streamed or whole; without its key the same is 401."""
    sent = json.dumps(row.body) if row.body else "nothing"
    if not row.is_keyless:
        assert ask(gateway, row.endpoint, row.body).status_code == 401
    up.plan(*row.planned)
    answer = ask(gateway, row.endpoint, row.body, None if row.is_keyless else key, **row.headers)
    if "key" in answer.text:
        gateway.secrets.update(value for name, value in answer.json().items() if "key" in name)
    streaming = row.streaming or "whole"
    sys.stdout.write(f"{row.endpoint:<50} {sent[:60]:<60} {answer.status_code}  {row.shape:<24} {streaming}\n")
    assert answer.status_code == row.status, answer.text
    assert row.holds(answer), answer.text


def test_every_simple_address_has_a_row() -> None:
    """A new one is not forgotten."""
    asked = {row.endpoint.partition("?")[0].replace("/generate/home", "/generate/{model_name}") for row in ROWS}
    assert {f"{row.method} {public_path(row.path)}" for row in CALLS if row.is_simple} <= asked


def test_life_is_told_in_no_time(gateway: Gateway, up: FakeUpstream) -> None:
    """Within 5 ms, and without asking a provider."""
    before = len(up.journal)
    for path in ("/health", "/healthz"):
        answers = [ask(gateway, f"GET {path}") for _ in range(5)]
        assert sorted(float(answer.headers["x-process-time"]) for answer in answers)[2] < 0.005
    assert len(up.journal) == before


def test_what_is_left_out_is_as_the_contract_says(gateway: Gateway, up: FakeUpstream, key: str) -> None:
    """The defaults of cloud and local models."""
    ask(gateway, "POST /generate", {"prompt": "x"}, key)
    ask(gateway, "POST /local/generate", {"prompt": "x"}, key)
    cloud, local = (entry.json for entry in list(up.journal)[-2:])
    assert (cloud["temperature"], cloud["max_tokens"], "top_p" in cloud) == (0.7, 1_000, False)
    assert (local["temperature"], local["top_p"], local["max_tokens"]) == (0.0, 0.9, 500)


# ------------------------------------------------------------------------------------------------------ the errors (§4)


def error_of(answer: requests.Response) -> dict[str, Any]:
    """The error that an answer tells of, having checked its shape and that nobody is invited to multiply it."""
    assert set(answer.json()) == {"error"}
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) - {"field"} == {"code", "message", "status", "details"}
    assert (error["status"], type(error["details"]), error["code"].isupper()) == (answer.status_code, dict, True)
    if error["code"] not in ("RATE_LIMIT_EXCEEDED", "SERVICE_UNAVAILABLE"):
        assert answer.headers["x-should-retry"] == "false"
    return error


def expired(gateway: Gateway) -> str:
    """A key that was good until a second ago."""
    issued = gateway.issue("late", expires="1s")
    wait_until(lambda: ask(gateway, "GET /v1/me", key=issued["key"]).status_code == 401)
    return str(issued["key"])


def rotated(gateway: Gateway) -> str:
    """The secret that another one has replaced."""
    issued = gateway.issue("turned")
    gateway.secrets.add(gateway.admin("POST", f"/keys/{issued['id']}/rotate", {})["key"])
    return str(issued["key"])


def revoked(gateway: Gateway) -> str:
    """A key that was taken back."""
    issued = gateway.issue("gone")
    gateway.admin("POST", f"/keys/{issued['id']}/revoke", {})
    return str(issued["key"])


def used(gateway: Gateway) -> str:
    """A key for one call, which was made."""
    key = gateway.make_key("once", max_uses=1)
    assert ask(gateway, "POST /question", {"text": "Hi"}, key).ok
    return key


def stale(gateway: Gateway) -> requests.Response:
    """A change that somebody else's came before."""
    issued = gateway.issue("both")
    change = {"name": f"changed {issued['id']}", "version": 1}
    answers = [ask(gateway, f"PATCH /admin/api/keys/{issued['id']}", change, ADMIN_KEY) for _ in range(2)]
    return answers[1]


def second_key(gateway: Gateway) -> requests.Response:
    """Another key for an address that has one."""
    address = somewhere()
    first = ask(gateway, "GET /generate_api", address=address).json()["One Time API key"]
    gateway.secrets.add(first)
    again = ask(gateway, "GET /generate_api", address=address)
    assert not [first[start : start + 4] for start in range(28) if first[start : start + 4] in again.text]
    return again


def eleventh(gateway: Gateway) -> requests.Response:
    """One more than ten within a minute."""
    key, address = gateway.make_key("eager"), somewhere()
    return [ask(gateway, "POST /generate", {"prompt": "x"}, key, address) for _ in range(11)][-1]


def unforwarded(gateway: Gateway) -> requests.Response:
    """A proxy that does not say for whom it asks."""
    answer = requests.get(f"{gateway.url}/generate_api", timeout=30)
    assert [name for name in EVERYWHERE if name not in answer.headers] == []
    return answer


Making = Callable[[Gateway], requests.Response]


def generating(body: object, path: str = "/generate", **key: Any) -> Making:
    """A prompt sent with a key of its own."""
    return lambda gateway: ask(gateway, f"POST {path}", body, gateway.make_key("some", **key))


def with_key(make: Callable[[Gateway], str]) -> Making:
    """A good request with a key that is made so."""
    return lambda gateway: ask(gateway, "POST /generate", {"prompt": "x"}, make(gateway))


ERRORS: dict[str, tuple[Making, str, int, dict[str, Any]]] = {
    "no JSON": (generating(b"{"), "INVALID_JSON", 422, {}),
    "a field is missing": (generating({}), "MISSING_REQUIRED_FIELD", 422, {"field": "prompt"}),
    "a wrong type": (generating({"prompt": 3}), "INVALID_TYPE", 422, {"field": "prompt"}),
    "a wrong value": (
        generating({"prompt": "x", "temperature": 3.5}),
        *("INVALID_VALUE", 422),
        {"field": "temperature", "details": {"min": 0, "max": 2, "received": 3.5}},
    ),
    "an unknown model": (
        generating({"prompt": "x"}, "/generate/nothing", models=["cloud"]),
        *("INVALID_MODEL", 400),
        {"message": "Invalid model name", "details": {"allowed": ["cloud"]}},
    ),
    "no key": (lambda gateway: ask(gateway, "POST /generate", {"prompt": "x"}), "INVALID_API_KEY", 401, {}),
    "an unknown key": (with_key(lambda gateway: "nobody's"), "INVALID_API_KEY", 401, {}),
    "a revoked key": (with_key(revoked), "INVALID_API_KEY", 401, {}),
    "an expired key": (with_key(expired), "KEY_EXPIRED", 401, {}),
    "a rotated key": (with_key(rotated), "KEY_EXPIRED", 401, {}),
    "a used key": (with_key(used), "KEY_ALREADY_USED", 401, {}),
    "no credits": (generating({"prompt": "x"}, credits=0), "INSUFFICIENT_CREDITS", 403, {}),
    "a second key": (second_key, "KEY_ALREADY_ISSUED", 409, {}),
    "a model that the key may not use": (generating({"prompt": "x"}, models=["home"]), "FORBIDDEN", 403, {}),
    "a route that the key may not use": (
        lambda gateway: ask(gateway, "POST /generate", {"prompt": "x"}, ADMIN_KEY),
        *("FORBIDDEN", 403, {}),
    ),
    "no such address": (lambda gateway: ask(gateway, "GET /nowhere"), "NOT_FOUND", 404, {}),
    "a wrong method": (lambda gateway: ask(gateway, "DELETE /generate"), "METHOD_NOT_ALLOWED", 405, {}),
    "a stale change": (stale, "CONFLICT", 409, {}),
    "a proxy in the way": (unforwarded, "SERVICE_UNAVAILABLE", 503, {}),
    "too large": (generating(b'{"prompt": "' + b"x" * 1_048_576 + b'"}'), "PAYLOAD_TOO_LARGE", 413, {}),
    "too often": (eleventh, "RATE_LIMIT_EXCEEDED", 429, {"message": "Rate limit exceeded: 10 per 1 minute"}),
    "a provider that fails": (generating({"prompt": "x"}, "/generate/down"), "INTERNAL_ERROR", 500, {}),
    "a provider that is silent": (generating({"prompt": "x"}, "/generate/slow"), "TIMEOUT", 504, {}),
    "a provider that refuses us": (generating({"prompt": "x"}, "/generate/refused"), "UPSTREAM_ERROR", 502, {}),
}


@pytest.mark.parametrize("case", ERRORS)
def test_every_error_has_its_code_and_status(gateway: Gateway, case: str) -> None:
    """Each is made by a real request; its message and details are the contract's where that says them."""
    make, code, status, told = ERRORS[case]
    answer = make(gateway)
    error = error_of(answer)
    sys.stdout.write(f"{case:<34} {answer.status_code}  {error['code']:<24} {error['message'][:90]}\n")
    assert (answer.status_code, error["code"]) == (status, code), answer.text
    assert {name: error.get(name) for name in told} == told
    if code == "INSUFFICIENT_CREDITS":
        assert error["message"].startswith("Insufficient credits")
    if code == "TIMEOUT":
        assert "timeouts.simple_attempt_seconds" in error["message"]
    if "provider" in case:
        assert [attempt["target"].partition("/")[0] for attempt in error["details"]["attempts"]] == ["lab"]
        assert LAB_KEY not in answer.text
    if status == 429:
        assert 1 <= int(answer.headers["retry-after"]) <= 61
        assert [name for name in STANDING if name not in answer.headers] == []
        assert answer.headers["x-ratelimit-remaining-requests"] == "0"


def test_nobody_can_probe_for_keys(gateway: Gateway) -> None:
    """A key that was taken back is told in the very words of one that never was."""
    keys = ("sk-nobody", revoked(gateway))
    unknown, taken = [ask(gateway, "POST /generate", {"prompt": "x"}, key).json() for key in keys]
    assert unknown == taken


# ------------------------------------------------------------------------------------------------- limits on input (§5)


def around(endpoint: str, name: str, good: list[object], bad: list[object], **more: object) -> list[Any]:
    """Values on both sides of a bound, each as a case of its own."""
    return [
        pytest.param(endpoint, {**more, name: value}, name if value in bad else None, id=f"{endpoint} {name} {told}")
        for value in [*good, *bad]
        for told in [repr(value) if len(repr(value)) < 12 else f"{len(str(value))} characters"]
    ]


LENGTHS: tuple[list[object], list[object]] = (["x", "é" * 1_000], ["", " \n ", "é" * 1_001])
HEATS: tuple[list[object], list[object]] = ([0, 2, 2.0], [-0.01, 2.01])
PARTS: tuple[list[object], list[object]] = ([0, 1], [-0.01, 1.01])
BOUNDS = [
    *around("/generate", "prompt", *LENGTHS),
    *around("/generate/home", "prompt", *LENGTHS),
    *around("/local/generate", "prompt", *LENGTHS),
    *around("/chat", "prompt", *LENGTHS),
    *around("/local-chat", "prompt", *LENGTHS),
    *around("/question", "text", *LENGTHS),
    *around("/response", "message", *LENGTHS),
    *around("/generate", "temperature", *HEATS, prompt="x"),
    *around("/local/generate", "temperature", *HEATS, prompt="x"),
    *around("/generate", "top_p", *PARTS, prompt="x"),
    *around("/local/generate", "top_p", *PARTS, prompt="x"),
    *around("/generate", "max_tokens", [1, 16_384], [0, 16_385], prompt="x"),
    *around("/local/generate", "max_tokens", [1, 2_000], [0, 2_001], prompt="x"),
    *around("/response", "tokens", [1, 16_384], [0, 16_385], message="x"),
]


@pytest.mark.parametrize(("endpoint", "body", "wrong"), BOUNDS)
def test_both_sides_of_every_bound(
    gateway: Gateway, up: FakeUpstream, key: str, endpoint: str, body: object, wrong: str | None
) -> None:
    """What is within is sent on, what is not is refused with its field and its range, before any provider."""
    before = len(up.journal)
    answer = ask(gateway, f"POST {endpoint}", body, key)
    if wrong is None:
        assert (answer.status_code, len(up.journal) - before) == (200, 1), answer.text
        return
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["field"]) == (422, "INVALID_VALUE", wrong)
    assert set(error["details"]) == {"min", "max", "received"}
    assert len(up.journal) == before


def test_what_cannot_fit_into_a_context_is_not_sent(gateway: Gateway, up: FakeUpstream, key: str) -> None:
    """A model's context length is a part of its entry."""
    before = len(up.journal)
    assert ask(gateway, "POST /generate/small", {"prompt": "x", "max_tokens": 10}, key).status_code == 200
    answer = ask(gateway, "POST /generate/small", {"prompt": "word " * 199, "max_tokens": 10}, key)
    assert (answer.status_code, error_of(answer)["code"]) == (422, "INVALID_VALUE")
    assert len(up.journal) - before == 1


# ----------------------------------------------------------------------------------------------------- rate limits (§6)


def flood(gateway: Gateway, endpoint: str, body: object, key: str | None, times: int) -> list[requests.Response]:
    """So many requests at once from one address."""
    address = somewhere()
    with ThreadPoolExecutor(10) as pool:
        return list(pool.map(lambda _: ask(gateway, endpoint, body, key, address), range(times)))


@pytest.mark.parametrize(
    ("endpoint", "body", "amount"),
    [
        ("POST /generate", {"prompt": "x"}, 10),
        ("POST /local/generate", {"prompt": "x"}, 20),
        ("GET /health", None, 30),
        ("POST /response", {"message": "x"}, 20),
    ],
)
def test_the_limits_that_hold_by_default(gateway: Gateway, key: str, endpoint: str, body: object, amount: int) -> None:
    """As many of them pass as the limit says, not one more; another address is not concerned."""
    answers = flood(gateway, endpoint, body, None if body is None else key, amount + 5)
    assert sorted(answer.status_code for answer in answers) == [200] * amount + [429] * 5
    refused = next(answer for answer in answers if not answer.ok)
    assert error_of(refused)["message"] == f"Rate limit exceeded: {amount} per 1 minute"
    assert all(answer.headers["x-ratelimit-limit-requests"] == str(amount) for answer in answers)
    assert ask(gateway, endpoint, body, None if body is None else key).status_code == 200


def test_the_first_systems_addresses_are_counted_together(gateway: Gateway, key: str) -> None:
    """Twenty in a minute, whichever of them is asked."""
    address = somewhere()
    answers = [ask(gateway, "POST /response", {"message": "x"}, key, address) for _ in range(19)]
    assert {answer.status_code for answer in answers} == {200}
    issued = ask(gateway, "GET /generate_api", address=address)
    gateway.secrets.add(issued.json()["One Time API key"])
    assert (issued.status_code, issued.headers["x-ratelimit-remaining-requests"]) == (200, "0")
    assert ask(gateway, "GET /generate_api", address=address).status_code == 429
    assert ask(gateway, "POST /response", {"message": "x"}, key, address).status_code == 429


def test_a_day_has_its_limit_as_well(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> None:
    """A hundred, where the minute's limit does not come first; by default both hold."""
    defaults = make(tmp_path_factory.mktemp("defaults")).limits.per_address
    assert [str(rate) for rate in defaults] == ["100/day", "20/minute"]
    more = "models: {cloud: lab/ok}\ndefault_model: cloud\nlimits: {per_address: 100/day}\n"
    with started(tmp_path_factory.mktemp("day"), up, more + "server: {trusted_proxies: [127.0.0.1]}\n") as gateway:
        answers = flood(gateway, "POST /response", {"message": "x"}, gateway.make_key("busy"), 105)
        assert sorted(answer.status_code for answer in answers) == [200] * 100 + [429] * 5
        refused = next(answer for answer in answers if not answer.ok)
        assert error_of(refused)["message"] == "Rate limit exceeded: 100 per 1 day"


def test_addresses_of_one_network_are_one(gateway: Gateway, key: str) -> None:
    """IPv6 counts by networks of 64 bits."""
    addresses = [f"2001:db8:0:7::{number:x}" for number in range(1, 12)]
    answers = [ask(gateway, "POST /generate", {"prompt": "x"}, key, address) for address in addresses]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert ask(gateway, "POST /generate", {"prompt": "x"}, key, "2001:db8:0:8::1").status_code == 200


# --------------------------------------------------------------------------------------------- headers everywhere (§11)


REFUSED = {
    "no host": b"GET /chat HTTP/1.1\r\n\r\n",
    "a head too large": b"GET /chat HTTP/1.1\r\nHost: a\r\nX-Thing: " + b"a" * 20_000 + b"\r\n\r\n",
    "an address too long": b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "no HTTP": b"HELLO\r\n\r\n",
}


@pytest.mark.parametrize("case", REFUSED)
def test_connections_that_are_refused_have_the_headers_too(gateway: Gateway, case: str) -> None:
    """Each of them, once, and the unified shape."""
    with connected(gateway) as connection:
        connection.sendall(REFUSED[case])
        head, _, body = receive(connection).partition(b"\r\n\r\n")
    names = [line.partition(b":")[0].decode().lower() for line in head.split(b"\r\n")[1:]]
    assert [names.count(name) for name in EVERYWHERE] == [1] * len(EVERYWHERE)
    error = json.loads(body)["error"]
    status = int(head.split(b" ")[1])
    assert (error["status"], error["code"].isupper()) == (status, True)
    assert status in (400, 414, 431)


def test_every_address_has_the_headers_however_it_is_asked(gateway: Gateway, key: str) -> None:
    """Without a key, with one, with a wrong method and, where it takes a body, with a faulty one."""
    seen: set[int] = set()
    for row in (*CALLS, *PAGES):
        path = public_path(row.path).replace("{model_name}", "cloud").replace("{model}", "cloud")
        path = path.replace("{key_id}", "nobody").replace("{name}", "mark.svg")
        admin = path.startswith(("/admin", "/metrics"))
        for method, given in ((row.method, None), (row.method, ADMIN_KEY if admin else key), ("TRACE", None)):
            answer = ask(gateway, f"{method} {path}", None if method == "GET" else b"{", given)
            seen.add(answer.status_code)
            if path == "/generate_api" and answer.ok:
                gateway.secrets.add(answer.json()["One Time API key"])
    assert {200, 401, 405, 400, 422} <= seen


def test_the_process_tells_how_long_it_took(gateway: Gateway, key: str) -> None:
    """Seconds from the arrival to the first byte of the answer, of a stream too."""
    for endpoint in ("POST /generate/sleepy", "POST /generate/sleepy?stream=true"):
        began = time.monotonic()
        answer = ask(gateway, endpoint, {"prompt": "x"}, key)
        assert 0.4 <= float(answer.headers["x-process-time"]) <= time.monotonic() - began
