"""Vectors, pictures, sound, moderation and ranking, with the SDKs, before a provider of OpenAI's wire and an Ollama."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import types
from ollama import Client
from openai import BadRequestError, InternalServerError, OpenAI

from tests.journeys.stand import Gateway, started
from tests.upstream import FakeUpstream
from tests.upstream_errands import SOUND, TOKENS, vector

MORE = """\
  barn: {wire: ollama, base_url: "%s"}
  google: {wire: gemini, base_url: "%s", api_key: "${LAB_KEY}"}
models:
  vectors: {targets: [lab/embed], price: {input: 1, output: 0}}
  picture: {targets: [lab/image], price: {input: 0, output: 0, request: 0.04}}
  unpriced: {targets: [lab/image]}
  counted: {targets: [lab/image], price: {input: 1, output: 2}}
  both: {targets: [barn/m, lab/ok]}
  lab-embed: lab/embed
  barn-embed: barn/embed
  google-embed: google/embed
  lab-quiet: lab/no-usage
  lab-down: {targets: [lab/error-500], attempts: 1}
  lab-garbled: {targets: [lab/garbled], attempts: 1}
  lab-short: {targets: [lab/short-length], attempts: 1}
  barn-only: barn/m
  lab: lab/ok
"""
WIRES = ("lab-embed", "barn-embed", "google-embed")
TEXTS = ["Hi", "Hello", ""]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway with three providers, which are one server."""
    with started(tmp_path_factory.mktemp("gateway"), up, MORE % (up.root, up.google_url)) as gateway:
        yield gateway


@pytest.fixture
def client(gateway: Gateway, key: str) -> Iterator[OpenAI]:
    """OpenAI's SDK."""
    with gateway.sdk(key) as client:
        yield client


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize("more", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}])
def test_vectors_for_openais_sdk(client: OpenAI, model: str, more: Any) -> None:
    """Which asks for packed ones by itself; in their order, with the usage."""
    made = client.embeddings.create(model=model, input=TEXTS, **more)
    assert [entry.index for entry in sorted(made.data, key=lambda entry: entry.index)] == [0, 1, 2]
    if more.get("encoding_format") != "base64":
        found = {entry.index: entry.embedding for entry in made.data}
        assert [found[index] for index in range(3)] == [vector(text) for text in TEXTS]
    assert (made.usage.prompt_tokens, made.usage.total_tokens) == (TOKENS, TOKENS)


@pytest.mark.parametrize("model", WIRES)
def test_vectors_for_ollamas_sdk(gateway: Gateway, key: str, model: str) -> None:
    """In its two shapes."""
    with Client(gateway.url, headers={"Authorization": f"Bearer {key}"}) as client:
        made = client.embed(model, TEXTS)
        assert ([list(one) for one in made.embeddings], made.prompt_eval_count) == (list(map(vector, TEXTS)), TOKENS)
        assert list(client.embeddings(model, "Hello").embedding) == vector("Hello")


@pytest.mark.parametrize("model", WIRES)
def test_vectors_for_googles_sdk(gateway: Gateway, key: str, model: str) -> None:
    """Many at once; what it says of their length reaches the provider, and of their use no other one."""
    config = types.EmbedContentConfig(output_dimensionality=2, task_type="RETRIEVAL_QUERY")
    with genai.Client(api_key=key, http_options=types.HttpOptions(base_url=gateway.url)) as client:
        made = client.models.embed_content(model=model, contents=["Hi", "Hello"], config=config)
    assert [one.values for one in made.embeddings or ()] == [vector("Hi"), vector("Hello")]


@pytest.mark.parametrize(("model", "dropped"), [("lab-embed", "taskType"), ("google-embed", None)])
def test_one_vector_in_googles_words(gateway: Gateway, key: str, up: FakeUpstream, model: str, dropped: Any) -> None:
    """To its own wire the body goes as it came."""
    raw = b'{"content":  {"parts": [{"text": "Hello"}]}, "taskType": "CLUSTERING"}'
    answer = gateway.post(key, raw, path=f"/v1beta/models/{model}:embedContent")
    assert answer.json()["embedding"] == {"values": vector("Hello")}
    assert answer.headers.get("x-tollbar-dropped") == dropped
    entry = up.journal[-1]
    if dropped is None:
        assert (entry.path, entry.body) == ("/v1beta/models/embed:embedContent", raw)


def test_the_same_shape_passes_bytes(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """With the model replaced, to OpenAI's wire and to both endpoints of an Ollama."""
    for path, model, sent_to in (
        ("/v1/embeddings", "lab-embed", "/v1/embeddings"),
        ("/embeddings", "lab-embed", "/v1/embeddings"),
        ("/api/embed", "barn-embed", "/api/embed"),
        ("/api/embeddings", "barn-embed", "/api/embeddings"),
    ):
        raw = b'{ "model": "%b", "input":[1,2,  3], "prompt": "x", "future": 1.50 }' % model.encode()
        assert gateway.post(key, raw, path=path).status_code == 200
        entry = up.journal[-1]
        assert (entry.path, entry.body) == (sent_to, raw.replace(model.encode(), b"embed"))


def test_what_another_wire_cannot_be_told(gateway: Gateway, key: str, client: OpenAI, up: FakeUpstream) -> None:
    """Tokens are refused by name, knobs are dropped and told; a target that has no such thing is passed over."""
    with pytest.raises(BadRequestError, match="input"):
        client.embeddings.create(model="barn-embed", input=[[1, 2]])
    answer = gateway.post(key, {"model": "barn-embed", "input": "x", "truncation": 1}, path="/v1/embeddings")
    assert answer.headers["x-tollbar-dropped"] == "truncation"
    with pytest.raises(BadRequestError, match="/moderations"):
        client.moderations.create(model="barn-only", input="x")
    with pytest.raises(BadRequestError, match="/moderations"):
        client.moderations.create(model="google-embed", input="x")
    with pytest.raises(BadRequestError, match="/moderations"):
        client.moderations.create(model="tollbar-guide", input="x")
    assert client.moderations.create(model="both", input="x").results[0].flagged is False
    assert up.journal[-1].path == "/v1/moderations"


def test_what_vectors_cost(gateway: Gateway) -> None:
    """One request and one credit, whatever the number of texts; tokens as told, dollars by them."""
    key = gateway.make_key("vectors", credits=2)
    answer = gateway.post(key, {"model": "vectors", "input": TEXTS}, path="/v1/embeddings")
    (line,) = gateway.ledger(answer.headers["x-request-id"])
    assert (line["prompt_tokens"], line["completion_tokens"], line["provenance"]) == (TOKENS, 0, "provider_final")
    assert (line["cost_nano_dollars"], gateway.settled(key)["left"]) == (TOKENS * 1_000, 1)
    rich = gateway.make_key("rich", dollars=1)
    assert gateway.post(rich, {"model": "vectors", "input": TEXTS}, path="/v1/embeddings").status_code == 200
    quiet = gateway.post(key, {"model": "lab-quiet", "input": "four" * 2}, path="/v1/embeddings")
    (line,) = gateway.ledger(quiet.headers["x-request-id"])
    assert (line["prompt_tokens"], line["provenance"]) == (3, "counted")


def test_pictures(client: OpenAI, gateway: Gateway) -> None:
    """As the provider made them; a dollar allowance covers them where their price is one of calls."""
    assert client.images.generate(model="lab", prompt="A gate").data
    edited = client.images.edit(model="lab", image=("a.png", b"\x89PNG"), prompt="A gate")
    assert edited.usage is not None
    rich = gateway.make_key("rich", dollars=1)
    for model in ("unpriced", "counted"):
        refused = gateway.post(rich, {"model": model, "prompt": "A gate"}, path="/v1/images/generations")
        assert (refused.status_code, "'price'" in refused.json()["error"]["message"]) == (400, True)
    assert gateway.post(rich, {"model": "picture", "prompt": "x"}, path="/v1/images/generations").status_code == 200
    assert float(gateway.settled(rich)["left"]) == 0.96


def test_sound(client: OpenAI, gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Speech comes back as the bytes and the type that it is; a form goes on as it is but for one field."""
    spoken = client.audio.speech.with_raw_response.create(model="lab", input="Hello", voice="alloy")
    assert (spoken.content, spoken.headers["content-type"]) == (SOUND, "audio/mpeg")
    said = client.audio.transcriptions.create(model="lab", file=("a.mp3", io.BytesIO(SOUND)))
    assert said.text == "What was said."
    entry = up.journal[-1]
    boundary = entry.headers["content-type"].partition("boundary=")[2]
    assert entry.headers["content-type"] == f"multipart/form-data; boundary={boundary}"
    assert (SOUND in entry.body, b'name="model"\r\n\r\nok\r\n' in entry.body) == (True, True)
    entry = up.journal[-1]
    form = {"content-type": entry.headers["content-type"]}
    asked = entry.body.replace(b"\r\n\r\nok\r\n", b"\r\n\r\nlab\r\n")
    answer = gateway.post(key, asked, path="/v1/audio/translations", headers=form)
    assert (answer.json()["text"], up.journal[-1].body) == ("What was said.", entry.body)


def test_ranking(gateway: Gateway, key: str) -> None:
    """At the address that Cohere and Jina have it at, with the tokens that they tell."""
    answer = gateway.post(key, {"model": "lab", "query": "a", "documents": ["b"]}, path="/v1/rerank")
    assert answer.json()["results"][0]["index"] == 0
    assert gateway.ledger(answer.headers["x-request-id"])[0]["prompt_tokens"] == TOKENS


@pytest.mark.parametrize("model", ["lab-down", "lab-garbled", "lab-short"])
def test_a_provider_that_fails_costs_nothing(gateway: Gateway, model: str) -> None:
    """A refusal, a document that is none, one that is cut: the SDK raises, and the credit is back."""
    key = gateway.make_key("unlucky", credits=1)
    with gateway.sdk(key) as client, pytest.raises(InternalServerError):
        client.embeddings.create(model=model, input="x")
    assert gateway.settled(key)["left"] == 1


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/images/generations", {"prompt": "x"}, "model"),
        ("/v1/images/generations", {"model": "lab", "stream": True}, "stream"),
        ("/v1/audio/speech", {"model": "lab", "stream_format": "sse"}, "stream_format"),
        ("/v1/rerank", {"model": "lab", "Model": "other"}, "Model"),
        ("/v1/embeddings", {"model": "lab"}, "input"),
        ("/v1/embeddings", {"model": "lab", "input": [1] * 10_001}, "input"),
    ],
)
def test_faults_name_their_field(gateway: Gateway, key: str, path: str, body: dict[str, Any], field: str) -> None:
    """Before anybody is asked."""
    answer = gateway.post(key, body, path=path)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


def test_a_form_is_read_in_one_way_only(gateway: Gateway, key: str) -> None:
    """Two models, a name in another notation, a boundary that is none."""
    head = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nlab\r\n'
    for body, kind in (
        (head + head + b"--x--\r\n", "multipart/form-data; boundary=x"),
        (
            head + b"--x\r\nContent-Disposition: form-data; name*=UTF-8''model\r\n\r\nlab\r\n--x--",
            "multipart/form-data; boundary=x",
        ),
        (head + b"--x--", "multipart/form-data"),
        (head, "multipart/form-data; boundary=x"),
    ):
        answer = gateway.post(key, body, path="/v1/audio/transcriptions", headers={"content-type": kind})
        assert answer.status_code == 400, body
        assert json.loads(answer.content)["error"]["type"] == "invalid_request_error"
