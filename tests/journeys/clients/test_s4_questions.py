"""S4, the chatbot before any OpenAI-compatible provider: its question, from each `.env` that it shows."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.journeys.clients.telling import WORDS, curl, moved_in
from tests.journeys.stand import Gateway, tollbar
from tests.upstream import FakeUpstream

OURS = "API_PORT=0\nTOLLBAR_ANONYMOUS=true\n"
MORE = """
# System prompt for the model (optional)
LLM_SYSTEM_PROMPT="You are a helpful AI assistant. Be polite and informative in your responses."

# Generation temperature (0.0 - 2.0)
LLM_TEMPERATURE=0.7

# Maximum number of tokens (optional)
LLM_MAX_TOKENS=1000

# Request timeout (seconds)
REQUEST_TIMEOUT=30.0
"""
PROVIDERS = {
    "openai": ("https://api.openai.com/v1", "gpt-4o-mini", "sk-0123456789abcdefghijklmnop"),
    "ollama": ("http://localhost:11434/v1", "llama3.2", "ollama"),
    "mistral": ("https://api.mistral.ai/v1", "mistral-small-latest", "0123456789abcdefghijklmnop"),
    "groq": ("https://api.groq.com/openai/v1", "llama-3.1-70b-versatile", "gsk_0123456789abcdefghijklmnop"),
}
JSON = "Content-Type: application/json"
DATA = '{\n  "text": "Hello! How are you?"\n}'


def env_file(name: str, address: str = "") -> str:
    """The `.env` of a provider, at another address if one is given."""
    base, model, key = PROVIDERS[name]
    return f"LLM_BASE_URL={address or base}\nLLM_MODEL={model}\nLLM_API_KEY={key}\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A server of the system's whole `.env`, whose OpenAI is the fake one."""
    with moved_in(tmp_path_factory.mktemp("s4"), env_file("openai", up.url) + MORE + OURS) as gateway:
        gateway.secrets.add(PROVIDERS["openai"][2])
        yield gateway


def ask(gateway: Gateway, text: str = "Hello! How are you?") -> requests.Response:
    """A question."""
    return requests.post(f"{gateway.url}/question", json={"text": text}, timeout=30)


def test_s4_question(gateway: Gateway, up: FakeUpstream) -> None:
    """A text in, a text out, without a key; the provider gets the prompt, temperature and length of the `.env`."""
    answer = curl(f"{gateway.url}/question", JSON, data=DATA)
    assert (answer.status, answer.json) == (200, {"text": WORDS})
    sent = up.journal[-1]
    system, user = sent.json["messages"]
    assert system["content"] == "You are a helpful AI assistant. Be polite and informative in your responses."
    assert (system["role"], user) == ("system", {"role": "user", "content": "Hello! How are you?"})
    assert (sent.json["temperature"], sent.json["max_tokens"], sent.model) == (0.7, 1000, "gpt-4o-mini")
    assert sent.headers["authorization"] == f"Bearer {PROVIDERS['openai'][2]}"


@pytest.mark.parametrize("name", sorted(PROVIDERS.keys() - {"openai"}))
def test_s4_provider_of_an_env_file(tmp_path: Path, up: FakeUpstream, name: str) -> None:
    """Each of its other examples is a provider and a model, with its key."""
    with moved_in(tmp_path, env_file(name, up.url) + OURS) as gateway:
        answer = ask(gateway)
        assert (answer.status_code, answer.json()) == (200, {"text": WORDS})
    _, model, key = PROVIDERS[name]
    assert (up.journal[-1].model, up.journal[-1].headers["authorization"]) == (model, f"Bearer {key}")


@pytest.mark.parametrize("name", PROVIDERS)
def test_s4_env_file_as_it_stands(tmp_path: Path, name: str) -> None:
    """With the provider's real address it is read whole, and says where a call would go."""
    (tmp_path / ".env").write_text(env_file(name) + MORE)
    assert PROVIDERS[name][0] in tollbar(tmp_path, "check", environment={})
    assert f"llm/{PROVIDERS[name][1]}" in tollbar(tmp_path, "explain", "gpt-3.5-turbo", environment={})


@pytest.mark.parametrize(
    ("text", "code"), [("", "INVALID_VALUE"), (" \n", "INVALID_VALUE"), ("x" * 1_001, "INVALID_VALUE")]
)
def test_s4_input_validation(gateway: Gateway, text: str, code: str) -> None:
    """A text must say something, in at most 1,000 letters."""
    answer = ask(gateway, text)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


def test_s4_retries(gateway: Gateway, up: FakeUpstream) -> None:
    """A rate limit and a server error are tried again, after about one second and about two."""
    before = len(up.journal)
    up.plan("rate-limited", "error-500", "ok")
    began = time.monotonic()
    assert ask(gateway).json() == {"text": WORDS}
    assert len(up.journal) - before == 3
    assert time.monotonic() - began > 2


@pytest.mark.parametrize(("fault", "status", "code"), [("error-401", 502, "UPSTREAM_ERROR"), ("error-400", 400, None)])
def test_s4_no_retry(gateway: Gateway, up: FakeUpstream, fault: str, status: int, code: str | None) -> None:
    """A refused key and a faulty request are not; a caller is not told 401, since it is not the caller's key."""
    before = len(up.journal)
    up.plan(fault)
    answer = ask(gateway)
    assert (answer.status_code, len(up.journal) - before) == (status, 1)
    assert code in (None, answer.json()["error"]["code"])


def test_s4_request_timeout(tmp_path: Path, up: FakeUpstream) -> None:
    """`REQUEST_TIMEOUT` bounds each of the attempts."""
    more = MORE.replace("30.0", "0.4")
    with moved_in(tmp_path, env_file("openai", up.url) + more + OURS) as gateway:
        up.plan("stall", "ok")
        began = time.monotonic()
        assert ask(gateway).json() == {"text": WORDS}
        assert time.monotonic() - began > 0.4


@pytest.mark.parametrize("path", ["/question", "/health", "/docs", "/openapi.json", "/nowhere"])
def test_s4_response_headers(gateway: Gateway, path: str) -> None:
    """Every answer tells its time in seconds and the memory and its change in MB, errors included."""
    answer = ask(gateway) if path == "/question" else requests.get(gateway.url + path, timeout=30)
    assert 0 <= float(answer.headers["X-Process-Time"]) <= answer.elapsed.total_seconds()
    assert 10 < float(answer.headers["X-Memory-Used"]) < 512
    assert abs(float(answer.headers["X-Memory-Delta"])) < 512


def test_s4_health(gateway: Gateway, up: FakeUpstream) -> None:
    """Alive, with how the system stands, in milliseconds, and without asking the provider."""
    before = len(up.journal)
    answers = [gateway.request("GET", "/health") for _ in range(10)]
    assert {answer.json()["status"] for answer in answers} == {"ok"}
    assert {"version", "uptime_seconds"} <= answers[0].json().keys()
    assert min(float(answer.headers["x-process-time"]) for answer in answers) < 0.005
    assert len(up.journal) == before


def test_s4_documentation(gateway: Gateway) -> None:
    """Both pages, and a description of the question with its fields, errors and headers."""
    for path in ("/docs", "/redoc"):
        page = gateway.request("GET", path)
        assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    described = gateway.request("GET", "/openapi.json").json()["paths"]["/question"]["post"]
    assert {"200", "422", "429", "500", "504"} <= described["responses"].keys()
    assert {"x-process-time", "x-memory-used", "x-memory-delta"} <= {
        name.lower() for name in described["responses"]["200"]["headers"]
    }
