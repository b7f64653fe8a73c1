"""Counting for models of OpenAI: what OpenAI reports, at each address that tells tokens and asks nobody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from anthropic import Anthropic

from tests.journeys.stand import Gateway, started, wait_until
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
    """A gateway whose child has begun: the first to ask may be told an estimate on a machine that is busy."""
    with started(tmp_path_factory.mktemp("gateway"), up, CONFIG % up.url) as gateway:
        key = gateway.make_key("first")
        wait_until(lambda: counted(gateway, key, "/v1/responses/input_tokens", {"model": MODEL, "input": HELLO}))
        yield gateway


def asked(gateway: Gateway, key: str, path: str, body: Any, **headers: str) -> requests.Response:
    """An answer that succeeded."""
    response = gateway.post(key, body, path=path, headers=headers)
    assert response.ok, response.text
    return response


def counted(gateway: Gateway, key: str, path: str, body: Any) -> Any:
    """The document of an answer that was counted; None where it was estimated."""
    response = asked(gateway, key, path, body)
    return response.json() if response.headers[HEADER] == "tokenizer" else None


def test_each_dialect_that_counts_is_told_the_same(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """For free, and the provider hears nothing of it."""
    contents = {"contents": [{"role": "user", "parts": [{"text": HELLO}]}]}
    told = counted(gateway, key, f"/v1beta/models/{MODEL}:countTokens", contents)
    assert told == {"totalTokens": TOLD}
    with gateway.sdk(key) as client:
        kept = client.responses.input_tokens.count(model=MODEL, input=HELLO)
    assert (kept.object, kept.input_tokens) == ("response.input_tokens", TOLD)
    with Anthropic(base_url=gateway.url, auth_token=key, api_key=None, max_retries=0) as client:
        raw = client.messages.with_raw_response.count_tokens(
            model=MODEL, messages=[{"role": "user", "content": HELLO}], system="Hello, world!"
        )
    assert (raw.parse().input_tokens, raw.headers[HEADER]) == (2 * TOLD - 3, "tokenizer")
    assert gateway.ledger(raw.headers["x-request-id"]) == []
    assert len(up.journal) == 0


def test_a_quote_counts_what_openai_reports(gateway: Gateway, key: str) -> None:
    """At `/v1/quote` and in a dry run; another vendor's target is estimated, and what would be held is the same."""
    body = {"model": "both", "messages": MESSAGES, "max_tokens": 10}
    quote = asked(gateway, key, "/v1/quote", body).json()
    assert quote == asked(gateway, key, "/v1/chat/completions", body, **{"x-tollbar-dry-run": "true"}).json()
    ours, other = quote["targets"]
    assert (ours["counted_by"], ours["prompt_tokens"], ours["expected_tokens"]) == (
        "tokenizer",
        PUBLISHED,
        PUBLISHED + 10,
    )
    assert other["counted_by"] == "estimate"
    assert other["prompt_tokens"] > PUBLISHED
    assert ours["most_tokens"] == other["most_tokens"] > other["expected_tokens"]


def test_what_is_too_long_or_shows_pictures_is_an_estimate(gateway: Gateway, key: str) -> None:
    """And says so: a megabyte is counted, and no more. A picture's tokens are nobody's to know beforehand."""
    path, url = "/v1/messages/count_tokens", "https://example.com/a.png"
    long = {"model": MODEL, "messages": [{"role": "user", "content": "word " * 210_000}]}
    answer = asked(gateway, key, path, long)
    assert (answer.headers[HEADER], answer.json()["input_tokens"] > 262_000) == ("estimate", True)
    picture = {"type": "image", "source": {"type": "url", "url": url}}
    shown = [{"role": "user", "content": [picture, {"type": "text", "text": HELLO}]}]
    answer = asked(gateway, key, path, {"model": MODEL, "messages": shown})
    assert (answer.headers[HEADER], answer.json()["input_tokens"]) == ("estimate", 4_096 + TOLD)


def test_nothing_counts_in_the_gateway_itself(gateway: Gateway) -> None:
    """The vocabulary is in a child, and the child is given none of the gateway's keys."""
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()
    assert len(children) == 1
    environment = Path(f"/proc/{children[0]}/environ").read_bytes()
    assert b"tollbar.providers.tokens.child" in Path(f"/proc/{children[0]}/cmdline").read_bytes()
    assert not any(secret.encode() in environment for secret in gateway.secrets)
    assert "tiktoken" not in Path(f"/proc/{gateway.process.pid}/maps").read_text()
