"""Counting for models of OpenAI: what OpenAI reports, at each address that tells tokens and asks nobody."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from anthropic import Anthropic

from tests.journeys.stand import ADMIN_KEY, LAB_KEY, Gateway, started, wait_until
from tests.providers.tokens.asking import MESSAGES, PUBLISHED
from tests.upstream import FakeUpstream

CONFIG = """\
  openai: {vendor: openai, base_url: "%s", api_key: "${LAB_KEY}"}
models:
  gpt: {targets: [openai/gpt-4o]}
  both: {targets: [openai/gpt-4o, lab/ok]}
"""
MODEL = "gpt"
HELLO = "Hello, world!"
TOLD = 3 + 3 + 1 + 4
"""A message of that text, which is four tokens, and of its role, which is one."""
HEADER = "x-tollbar-counted-by"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """The gateway before OpenAI."""
    with started(tmp_path_factory.mktemp("gateway"), up, CONFIG % up.url) as gateway:
        yield gateway


def soon(ask: Callable[[], Any], is_meant: Callable[[Any], bool]) -> Any:
    """The first answer that is meant: where the machine pauses, a count is not told in its time, and an estimate is."""
    answers: list[Any] = []

    def asked() -> bool:
        answers.append(ask())
        return is_meant(answers[-1])

    wait_until(asked)
    return answers[-1]


def is_counted(answer: Any) -> bool:
    """Whether an answer was counted here."""
    return answer.headers[HEADER] == "tokenizer"


def post(gateway: Gateway, key: str, path: str, body: Any, **headers: str) -> requests.Response:
    """An answer that succeeded."""
    response = gateway.post(key, body, path=path, headers=headers)
    assert response.ok, response.text
    return response


def test_each_dialect_that_counts_is_told_the_same(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """For free, and the provider hears nothing of it."""
    contents = {"contents": [{"role": "user", "parts": [{"text": HELLO}]}]}
    told = soon(lambda: post(gateway, key, f"/v1beta/models/{MODEL}:countTokens", contents), is_counted)
    assert told.json() == {"totalTokens": TOLD}
    with gateway.sdk(key) as client:
        ask = client.responses.input_tokens.with_raw_response.count
        kept = soon(lambda: ask(model=MODEL, input=HELLO), is_counted).parse()
    assert (kept.object, kept.input_tokens) == ("response.input_tokens", TOLD)
    with Anthropic(base_url=gateway.url, auth_token=key, api_key=None, max_retries=0) as claude:
        count = claude.messages.with_raw_response.count_tokens
        raw = soon(lambda: count(model=MODEL, messages=[{"role": "user", "content": HELLO}], system=HELLO), is_counted)
    assert raw.parse().input_tokens == 2 * TOLD - 3
    assert gateway.ledger(raw.headers["x-request-id"]) == []
    assert len(up.journal) == 0


def test_a_quote_counts_what_openai_reports(gateway: Gateway, key: str) -> None:
    """At `/v1/quote` and in a dry run; another vendor's target is estimated, and what would be held is the same."""
    body = {"model": "both", "messages": MESSAGES, "max_tokens": 10}
    for path, headers in (("/v1/quote", {}), ("/v1/chat/completions", {"x-tollbar-dry-run": "true"})):
        ours, other = soon(
            lambda path=path, headers=headers: post(gateway, key, path, body, **headers).json()["targets"],
            lambda targets: targets[0]["counted_by"] == "tokenizer",
        )
        assert (ours["prompt_tokens"], ours["expected_tokens"]) == (PUBLISHED, PUBLISHED + 10)
        assert other["counted_by"] == "estimate"
        assert other["prompt_tokens"] > PUBLISHED
        assert ours["most_tokens"] == other["most_tokens"] > other["expected_tokens"]


def test_what_is_too_long_or_shows_pictures_is_an_estimate(gateway: Gateway, key: str) -> None:
    """And says so: a megabyte is counted, and no more. A picture's tokens are nobody's to know beforehand."""
    path, url = "/v1/messages/count_tokens", "https://example.com/a.png"
    long = {"model": MODEL, "messages": [{"role": "user", "content": "word " * 210_000}]}
    answer = post(gateway, key, path, long)
    assert (answer.headers[HEADER], answer.json()["input_tokens"] > 262_000) == ("estimate", True)
    picture = {"type": "image", "source": {"type": "url", "url": url}}
    shown = {"model": MODEL, "messages": [{"role": "user", "content": [picture, {"type": "text", "text": HELLO}]}]}
    answer = soon(lambda: post(gateway, key, path, shown), lambda answer: answer.json()["input_tokens"] == 4_096 + TOLD)
    assert answer.headers[HEADER] == "estimate"


def test_nothing_counts_in_the_gateway_itself(gateway: Gateway, key: str) -> None:
    """The vocabulary is in a child, and the child is given none of the gateway's keys."""
    soon(lambda: post(gateway, key, "/v1/responses/input_tokens", {"model": MODEL, "input": HELLO}), is_counted)
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()
    assert len(children) == 1
    environment = Path(f"/proc/{children[0]}/environ").read_bytes()
    assert b"tollbar.providers.tokens.child" in Path(f"/proc/{children[0]}/cmdline").read_bytes()
    assert not any(secret.encode() in environment for secret in (LAB_KEY, ADMIN_KEY))
    assert "tiktoken" not in Path(f"/proc/{gateway.process.pid}/maps").read_text()
