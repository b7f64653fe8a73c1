"""OpenAI's SDK keeps files at a provider through a gateway: each key has its own."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.journeys.stand import Gateway, started
from tests.upstream import FakeUpstream

MORE = """\
  own: {wire: openai, also: [files], base_url: "%(url)s", api_key: "${LAB_KEY}"}
  other: {wire: openai, also: [files], base_url: "%(url)s", api_key: "${LAB_KEY}"}
files: {max_bytes: 3000000}
default_model: own/ok
"""
CONTENT = b'{"custom_id": "1"}\n' * 100_000  # more than fits into the buffers on the way


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway before a provider that has files, under two names; its usual one is that of the default model."""
    with started(tmp_path_factory.mktemp("files"), up, MORE % {"url": up.url}) as gateway:
        yield gateway


def test_a_file_is_put_there_looked_at_and_deleted(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """By its own key; the provider gets the form as it is, and the content comes back to the byte."""
    with gateway.sdk(key) as client:
        made = client.files.create(file=("a.txt", CONTENT), purpose="batch")
        assert up.shelf.files[made.id][1] == CONTENT
        small = client.files.create(file=("b.txt", b"b"), purpose="user_data", extra_query={"provider": "other"})
        assert [file.id for file in client.files.list()] == [small.id, made.id]
        assert [file.id for file in client.files.list(purpose="batch")] == [made.id]
        assert [file.id for file in client.files.list(limit=1)] == [small.id, made.id]
        assert client.files.retrieve(made.id) == made
        assert client.files.content(made.id).content == CONTENT
        assert client.files.delete(made.id).deleted
        assert [file.id for file in client.files.list(order="asc")] == [small.id]
        del up.shelf.files[small.id]  # the provider forgets it by itself
        assert client.files.delete(small.id).deleted
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(made.id)
    assert not up.shelf.files


def test_another_keys_file_is_as_unknown_as_none(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """The same words for both, and no provider is asked."""
    with gateway.sdk(key) as client:
        mine = client.files.create(file=("a.txt", b"a"), purpose="batch").id
    other = gateway.make_key("other")
    asked = len(up.journal)
    told = []
    for name in (mine, "file-0"):
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content")):
            answer = gateway.request(method, f"/files/{name}{path}", other)
            told.append((answer.status_code, answer.json()["error"]["message"].replace(name, "it")))
    assert told[:3] == told[3:]
    assert {status for status, _ in told} == {404}
    assert gateway.request("GET", "/v1/files", other).json()["data"] == []
    assert len(up.journal) == asked
    assert mine in up.shelf.files


def test_a_call_names_files_of_its_own_key_alone(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """In every dialect another's is not found, by the words of `/v1/files`, before anybody is asked."""
    with gateway.sdk(key) as client:
        mine = client.files.create(file=("a.txt", b"a"), purpose="user_data").id
    other = gateway.make_key("stranger", credits=5)
    words = gateway.request("GET", f"/v1/files/{mine}", other).json()["error"]["message"]
    turn = {"role": "user", "content": [{"type": "file", "file": {"file_id": mine}}]}
    asked = len(up.journal)
    for path, body in (
        ("/v1/chat/completions", {"messages": [turn]}),
        ("/v1/quote", {"messages": [turn]}),
        ("/v1/responses", {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": mine}]}]}),
        (
            "/v1/messages",
            {
                "max_tokens": 9,
                "messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": mine}]}],
            },
        ),
        ("/v1beta/models/own/ok:countTokens", {"contents": [{"parts": [{"fileData": {"fileUri": f"gs://b/{mine}"}}]}]}),
    ):
        answer = gateway.post(other, {"model": "own/ok", **body}, path=path)
        assert answer.status_code == 404
        assert answer.json()["error"]["message"].replace("gs://b/", "").startswith(words), answer.json()
    assert len(up.journal) == asked
    assert gateway.settled(other)["spent"] == 0
    assert gateway.post(key, {"model": "own/ok", "messages": [turn]}).status_code == 200
    assert mine in up.journal[-1].body.decode()


def test_what_cannot_be_taken_is_refused_before_it_is_sent(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """A form that is none or too large, a provider that has no files, a page that is none."""
    asked = len(up.journal)
    form: Any = {"files": {"file": ("a", b"x" * 3_000_001)}}
    for status, field, answer in (
        (413, None, gateway.request("POST", "/v1/files", key, **form)),
        (400, "content-type", gateway.request("POST", "/v1/files", key, json={})),
        (400, "provider", gateway.request("POST", "/v1/files?provider=lab", key, files={"file": ("a", b"x")})),
        (400, "limit", gateway.request("GET", "/v1/files?limit=0", key)),
        (401, None, gateway.request("POST", "/v1/files", files={"file": ("a", b"x")})),
    ):
        assert (answer.status_code, answer.json()["error"]["param"]) == (status, field)
    assert len(up.journal) == asked


def test_each_counts_as_a_call_without_a_price(gateway: Gateway) -> None:
    """Against the rates of its key, with a record, and no credit."""
    key = gateway.make_key("counted", credits=5, rpm=2)
    for status in (200, 200, 429):
        answer = gateway.request("GET", "/v1/files", key)
        assert answer.status_code == status
    line = gateway.call_line(answer.headers["x-request-id"])
    assert (line["route"], line["error"]) == ("/v1/files", "rate_limit_exceeded")
    assert gateway.settled(key)["spent"] == 0
