"""S2, the service with cloud and local generation and no keys: its requests from curl, PowerShell and Python."""

import re
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.journeys.clients.telling import WORDS, curl, exchange, moved_in
from tests.journeys.stand import Gateway, tollbar
from tests.upstream import FakeUpstream
from tests.wire.simple.sse_reader import read_events

OPENAI_KEY = "sk-0123456789abcdefghijklmnop"
ENV_FILE = """\
# API Configuration
API_HOST=127.0.0.1
API_PORT=0

# OpenAI Configuration
OPENAI_API_KEY=%s

# Model Configuration
DEFAULT_MODEL=gpt-4o-mini
DEFAULT_TEMPERATURE=0.7
DEFAULT_MAX_TOKENS=1000

# Application Settings
ENV=development
DEBUG=true
"""
OURS = "TOLLBAR_ANONYMOUS=true\nOPENAI_BASE_URL=%s\n"
JSON = "Content-Type: application/json"
WINDOWS = b"Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.22621.4391"
_addresses = (f"203.0.113.{number}" for number in count(1))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A server of the system's `.env`, whose OpenAI is the fake one; the limits are lifted, they have a test below."""
    yaml = "limits: {routes: {/generate: {rates: []}, /local/generate: {rates: []}}}\n"
    with moved_in(tmp_path_factory.mktemp("s2"), ENV_FILE % OPENAI_KEY + OURS % up.url, yaml) as gateway:
        gateway.secrets.add(OPENAI_KEY)
        yield gateway


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """The same with its limits, behind a proxy that says where callers are."""
    yaml = "server: {trusted_proxies: [127.0.0.1]}\n"
    with moved_in(tmp_path_factory.mktemp("s2-limited"), ENV_FILE % OPENAI_KEY + OURS % up.url, yaml) as gateway:
        yield gateway


def post(gateway: Gateway, path: str, body: object, **headers: str) -> requests.Response:
    """A request with a JSON body."""
    return requests.post(gateway.url + path, json=body, headers=headers, timeout=30)


@pytest.mark.parametrize("path", ["/health", "/healthz"])
def test_s2_health(gateway: Gateway, path: str) -> None:
    """`status` is `ok`; more may stand beside it."""
    answer = curl(gateway.url + path)
    assert (answer.status, answer.json["status"]) == (200, "ok")


def test_s2_generate(gateway: Gateway, up: FakeUpstream) -> None:
    """The curl line on five lines, without a key: one field, and the provider gets what was asked."""
    data = '{\n    "prompt": "What is Python?",\n    "temperature": 0.7,\n    "top_p": 0.9,\n    "max_tokens": 500\n  }'
    answer = curl(f"{gateway.url}/generate", JSON, data=data)
    assert (answer.status, answer.json) == (200, {"response": WORDS})
    sent = up.journal[-1]
    messages = [{"role": "user", "content": "What is Python?"}]
    asked: dict[str, Any] = {"model": "gpt-4o-mini", "messages": messages, "temperature": 0.7, "top_p": 0.9}
    asked["max_completion_tokens"] = 500  # what OpenAI calls it by now
    assert (sent.json, sent.headers["authorization"]) == (asked, f"Bearer {OPENAI_KEY}")


def test_s2_generate_body_of_the_reference(gateway: Gateway, up: FakeUpstream) -> None:
    """What a request leaves out is filled in from the `.env`: temperature and length."""
    assert post(gateway, "/generate", {"prompt": "Explain artificial intelligence"}).json() == {"response": WORDS}
    assert (up.journal[-1].json["temperature"], up.journal[-1].json["max_completion_tokens"]) == (0.7, 1000)


def test_s2_generate_streaming(gateway: Gateway) -> None:
    """`curl --no-buffer` prints a `data:` line for each piece; the pieces make the text, spaces and all."""
    data = '{\n    "prompt": "Write a poem about AI",\n    "temperature": 1.2\n  }'
    answer = curl(f"{gateway.url}/generate?stream=true", JSON, data=data, options=("--no-buffer",))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.body.startswith(b"data: word0 \n\ndata: word1 \n\n")
    pieces = [event.data for event in read_events(answer.body)]
    assert ("".join(pieces[:-1]), pieces[-1]) == (WORDS, "[DONE]")


def test_s2_generate_from_windows_powershell(gateway: Gateway) -> None:
    """`Invoke-RestMethod` of Windows PowerShell 5.1: two spaces in its JSON, and it waits for a 100 before the body."""
    body = b'{\r\n    "prompt":  "Hello, AI!",\r\n    "temperature":  0.7\r\n}'
    head = (
        b"POST /generate HTTP/1.1\r\nUser-Agent: %s\r\nContent-Type: application/json\r\nHost: localhost:%d\r\n"
        b"Content-Length: %d\r\nExpect: 100-continue\r\nConnection: Keep-Alive\r\n\r\n"
    )
    answer = exchange(gateway.port, head % (WINDOWS, gateway.port, len(body)), body, continues=True)
    assert (answer.status, answer.json) == (200, {"response": WORDS})


@pytest.mark.parametrize("path", ["/generate", "/local/generate"])
def test_s2_from_powershell_7(gateway: Gateway, path: str) -> None:
    """The same command of PowerShell 7, in both of its examples."""
    body = b'{\n  "prompt": "What is Python?",\n  "max_tokens": 50\n}'
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost:{gateway.port}\r\n"
        "User-Agent: Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.22631; en-US) PowerShell/7.4.6\r\n"
        f"Accept-Encoding: gzip, deflate, br\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    answer = exchange(gateway.port, head.encode(), body)
    assert (answer.status, list(answer.json)) == (200, ["response"])


def test_s2_local_generate(gateway: Gateway, up: FakeUpstream) -> None:
    """The curl.exe line, whose backslashes Windows takes away: the local model answers, the cloud is not asked."""
    before = len(up.journal)
    data = '{"prompt": "What is Python?", "max_tokens": 100, "temperature": 0.0}'
    answer = curl(f"{gateway.url}/local/generate", JSON, data=data)
    assert (answer.status, list(answer.json)) == (200, ["response"])
    assert answer.json["response"]
    assert len(up.journal) == before


def test_s2_local_generate_streaming(gateway: Gateway) -> None:
    """The text as it is, in chunks, without `data:`."""
    data = '{"prompt": "Tell me a joke", "max_tokens": 50, "temperature": 0.7}'
    url = f"{gateway.url}/local/generate"
    streamed = curl(f"{url}?stream=true", JSON, data=data, options=("--no-buffer",))
    assert (streamed.status, streamed.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert streamed.body.decode() == curl(url, JSON, data=data).json["response"]


def test_s2_local_generate_from_python(gateway: Gateway) -> None:
    """The script that prints characters as they come."""
    body = {"prompt": "Hello", "max_tokens": 50, "temperature": 0.7}
    with requests.post(f"{gateway.url}/local/generate?stream=true", json=body, stream=True, timeout=30) as response:
        chunks = [chunk for chunk in response.iter_content(chunk_size=1, decode_unicode=True) if chunk]
    assert (response.status_code, len(chunks) > 1) == (200, True)
    assert "".join(chunks) == post(gateway, "/local/generate", body).json()["response"]


def test_s2_local_generate_from_a_file(gateway: Gateway, tmp_path: Path) -> None:
    """`-d @test_local.json`, written by an editor of Windows."""
    file = tmp_path / "test_local.json"
    file.write_bytes(b'{\r\n  "prompt": "What is Python?",\r\n  "max_tokens": 50\r\n}\r\n')
    answer = curl(f"{gateway.url}/local/generate", JSON, data=f"@{file}")
    assert (answer.status, list(answer.json)) == (200, ["response"])


def test_s2_local_generate_with_its_backslashes(gateway: Gateway) -> None:
    """The line that its own troubleshooting warns of: a shell that keeps the backslashes sends no JSON."""
    answer = curl(f"{gateway.url}/local/generate", JSON, data=r"{\"prompt\": \"test\", \"max_tokens\": 50}")
    assert (answer.status, answer.error["code"]) == (422, "INVALID_JSON")


@pytest.mark.parametrize(
    ("path", "body", "field", "details"),
    [
        ("/generate", {"prompt": "x", "temperature": 3.5}, "temperature", {"min": 0, "max": 2, "received": 3.5}),
        ("/generate", {"prompt": "x", "top_p": 1.1}, "top_p", {"min": 0, "max": 1, "received": 1.1}),
        ("/generate", {"prompt": "x", "max_tokens": 16_385}, "max_tokens", {"min": 1, "max": 16_384}),
        ("/generate", {"prompt": "x", "max_tokens": 0}, "max_tokens", {"min": 1, "max": 16_384}),
        ("/generate", {"prompt": "x" * 1_001}, "prompt", {"max": 1_000, "received": 1_001}),
        ("/local/generate", {"prompt": " "}, "prompt", {}),
        ("/local/generate", {"prompt": "x" * 1_001}, "prompt", {"max": 1_000}),
        ("/local/generate", {"prompt": "x", "max_tokens": 2_001}, "max_tokens", {"min": 1, "max": 2_000}),
        ("/local/generate", {"prompt": "x", "temperature": -0.1}, "temperature", {"min": 0, "max": 2}),
        ("/local/generate", {"prompt": "x", "top_p": -0.1}, "top_p", {"min": 0, "max": 1}),
    ],
)
def test_s2_input_validation(
    gateway: Gateway, path: str, body: dict[str, Any], field: str, details: dict[str, float]
) -> None:
    """Each bound of its table, told with the field, the bounds and what was received."""
    answer = post(gateway, path, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"], error["field"]) == (422, "INVALID_VALUE", 422, field)
    assert details.items() <= error["details"].items()


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("POST", "/generate", b"{", 422, "INVALID_JSON"),
        ("POST", "/generate", b"{}", 422, "MISSING_REQUIRED_FIELD"),
        ("POST", "/local/generate", b'{"prompt": 1}', 422, "INVALID_TYPE"),
        ("POST", "/generate", b'{"prompt": "x", "top_p": 2}', 422, "INVALID_VALUE"),
        ("GET", "/nowhere", b"", 404, "NOT_FOUND"),
    ],
)
def test_s2_error_codes(gateway: Gateway, method: str, path: str, content: bytes, status: int, code: str) -> None:
    """Its table of codes with their statuses; the last three of it have tests of their own."""
    answer = requests.request(method, gateway.url + path, data=content, headers={"content-type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["status"], error["code"]) == (status, status, code)
    assert error["message"]


@pytest.mark.parametrize(
    ("path", "rate", "body"),
    [("/generate", 10, {"prompt": "Hi"}), ("/local/generate", 20, {"prompt": "Hi", "max_tokens": 5})],
)
def test_s2_rate_limits(limited: Gateway, path: str, rate: int, body: dict[str, Any]) -> None:
    """Ten and twenty a minute for each address. The 429 has the shape of all errors, though S2 had a bare string."""
    here = {"x-forwarded-for": next(_addresses)}
    answers = [post(limited, path, body, **here) for _ in range(rate + 1)]
    assert [answer.status_code for answer in answers] == [*[200] * rate, 429]
    refused = answers[-1].json()["error"]
    assert (refused["code"], refused["message"]) == ("RATE_LIMIT_EXCEEDED", f"Rate limit exceeded: {rate} per 1 minute")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 61
    assert post(limited, path, body, **{"x-forwarded-for": next(_addresses)}).status_code == 200


def test_s2_health_is_limited(tmp_path: Path) -> None:
    """Thirty a minute from another machine; probes of this one are not counted."""
    with moved_in(tmp_path, "API_PORT=0\n", "server: {trusted_proxies: [127.0.0.1]}\n") as gateway:
        elsewhere = {"x-forwarded-for": next(_addresses)}
        statuses = [gateway.request("GET", "/health", headers=elsewhere).status_code for _ in range(31)]
        assert statuses == [*[200] * 30, 429]
        assert {gateway.request("GET", "/health").status_code for _ in range(31)} == {200}


def test_s2_retries(gateway: Gateway, up: FakeUpstream) -> None:
    """A failure, about a second later another, about two seconds later the answer: three attempts, one answer."""
    before = len(up.journal)
    up.plan("error-500", "error-503", "ok")
    began = time.monotonic()
    assert post(gateway, "/generate", {"prompt": "Hi"}).json() == {"response": WORDS}
    assert len(up.journal) - before == 3
    assert time.monotonic() - began > 2


def test_s2_every_attempt_fails(gateway: Gateway, up: FakeUpstream) -> None:
    """500 with the attempts, and no fourth."""
    before = len(up.journal)
    up.plan("error-500", "error-503", "error-500")
    answer = post(gateway, "/generate", {"prompt": "Hi"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], len(error["details"]["attempts"])) == (500, "INTERNAL_ERROR", 3)
    assert len(up.journal) - before == 3
    assert OPENAI_KEY not in answer.text


def test_s2_time_out(tmp_path: Path, up: FakeUpstream) -> None:
    """504 and `TIMEOUT`, whatever stage the time ran out at."""
    env_file = ENV_FILE % OPENAI_KEY + OURS % up.url + "REQUEST_TIMEOUT=0.5\n"
    with moved_in(tmp_path, env_file, "retries: {attempts: 1}\n") as gateway:
        up.plan("stall")
        answer = post(gateway, "/generate", {"prompt": "Hi"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "TIMEOUT")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_s2_documentation(gateway: Gateway, path: str) -> None:
    """Both pages, and the local endpoint in what they show."""
    answer = curl(gateway.url + path)
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/html")
    described = curl(f"{gateway.url}/openapi.json").json["paths"]["/local/generate"]["post"]
    assert {"200", "422", "429"} <= described["responses"].keys()


def test_s2_browsers_of_any_site(gateway: Gateway) -> None:
    """`ENV=development` opens it to pages of every site, before the request and with its answer."""
    asking = {"Origin": "https://yourdomain.com", "Access-Control-Request-Method": "POST"}
    asking["Access-Control-Request-Headers"] = "content-type"
    before = requests.options(f"{gateway.url}/generate", headers=asking, timeout=30)
    assert before.headers["access-control-allow-origin"] in {"*", "https://yourdomain.com"}
    answer = post(gateway, "/generate", {"prompt": "Hi"}, origin="https://yourdomain.com")
    assert answer.headers["access-control-allow-origin"] in {"*", "https://yourdomain.com"}


def test_s2_env_file_as_it_stands(tmp_path: Path) -> None:
    """Its `.env` with the address and port it names is read whole."""
    text = (ENV_FILE % OPENAI_KEY).replace("127.0.0.1", "0.0.0.0").replace("API_PORT=0", "API_PORT=8000")
    (tmp_path / ".env").write_text(text)
    told = tollbar(tmp_path, "check", environment={})
    for value in ("0.0.0.0", "8000", "gpt-4o-mini", "development"):
        assert re.search(rf"\b{re.escape(value)}\b", told), value
