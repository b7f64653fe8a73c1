"""Requests that nobody means well with: each is answered at once, in one shape, and harms no other connection."""

import gzip
import json
import re

import pytest

from tests.journeys.bodies import SAID, chat, raw_chat, receive
from tests.journeys.stand import Gateway, connected, used_seconds
from tests.upstream import FakeUpstream

MOST_SECONDS = 5.0
"""Of the processor, for three of them: ten times what they take."""
MEBIBYTE = 1_048_576
GOOD = json.dumps(chat("lab/ok")).encode()


FAULTY = {
    "compressed in secret": gzip.compress(GOOD),
    "nested a hundred thousand deep": b'{"a":' + b"[" * 100_000,
    "nested and whole": b'{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}",
    "nested objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a number of 5,000 digits": b'{"model": "lab/ok", "messages": [], "seed": ' + b"9" * 5_000 + b"}",
    "no number": b'{"model": "lab/ok", "messages": [], "temperature": NaN}',
    "no UTF-8": b'{"model": "lab/ok", "messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a mark before it": b"\xef\xbb\xbf" + GOOD,
    "something behind it": GOOD + b"{}",
}
FORBIDDEN = {
    "a hundred thousand fields": b"{" + b",".join(b'"%d":1' % number for number in range(100_000)) + b"}",
    "two models": b'{"model": "lab/ok", "messages": [], "m\\u006fdel": "lab/other"}',
    "a model in other letters": b'{"Model": "lab/other", "model": "lab/ok", "messages": []}',
    "too many messages": json.dumps({"model": "lab/ok", "messages": SAID * 10_001}).encode(),
    "too many choices": json.dumps(chat("lab/ok", n=129)).encode(),
    "too many tools": json.dumps(chat("lab/ok", tools=[{}] * 513)).encode(),
}
UNKNOWN = {
    "a model that is no name": json.dumps(chat("x" * 100_000)).encode(),
    "a model with lines": json.dumps(chat('lab/o\r\n{"level":"error"}\x1b[31m')).encode(),
}
BODIES = [
    *((body, 400, "invalid_json") for body in FAULTY.values()),
    *((body, 400, "invalid_value") for body in FORBIDDEN.values()),
    *((body, 404, "model_not_found") for body in UNKNOWN.values()),
]


@pytest.mark.parametrize(("body", "status", "code"), BODIES, ids=[*FAULTY, *FORBIDDEN, *UNKNOWN])
def test_a_hostile_body_is_refused_at_once(
    gateway: Gateway, key: str, up: FakeUpstream, body: bytes, status: int, code: str
) -> None:
    """Each is refused in the one shape, quickly, without a call to the provider or a word about our insides."""
    before = len(up.journal)
    before_it = used_seconds(gateway.process.pid)
    answers = [gateway.post(key, body) for _ in range(3)]
    assert used_seconds(gateway.process.pid) - before_it < MOST_SECONDS
    assert {(status, code)} == {(answer.status_code, answer.json()["error"]["code"]) for answer in answers}
    message = answers[0].json()["error"]["message"]
    assert len(message) <= 500
    assert not re.search(r"Traceback|File \"|/src/|msgspec|DecodeError", answers[0].text)
    assert len(up.journal) == before


def test_a_long_conversation_is_fine(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Five thousand messages pass whole."""
    body = json.dumps({"model": "lab/ok", "messages": SAID * 5_000}).encode()
    assert gateway.post(key, body).status_code == 200
    assert up.journal[-1].body == body.replace(b'"lab/ok"', b'"ok"')


def test_a_body_of_some_mebibytes_is_fine(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Twenty mebibytes of an image pass whole."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * (20 * MEBIBYTE)}}
    body = json.dumps({"model": "lab/ok", "messages": [{"role": "user", "content": [picture]}]}).encode()
    assert gateway.post(key, body).status_code == 200
    assert len(up.journal[-1].body) == len(body) - len("lab/")


def test_a_body_that_says_it_is_too_large_is_not_read(gateway: Gateway, key: str) -> None:
    """A length over the limit is refused before a byte of the body is sent."""
    head = raw_chat(key, {}).partition(b"Content-Length")[0]
    with connected(gateway) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % (33 * MEBIBYTE))
        answer = receive(connection, lambda data: data.endswith(b"}}"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"payload_too_large" in answer
    assert b"max_body_bytes" in answer


def test_a_body_that_grows_too_large_is_refused(gateway: Gateway, key: str) -> None:
    """Without a length, what comes is counted."""
    head = raw_chat(key, {}).partition(b"Content-Length")[0]
    piece = b"%x\r\n" % MEBIBYTE + b" " * MEBIBYTE + b"\r\n"
    with connected(gateway) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(34):
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = receive(connection, lambda data: data.endswith(b"}}"))
    assert b" 413 " in answer.partition(b"\r\n")[0] or answer == b""


CHUNKED = b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: 2\r\n\r\n{}"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
HEADS = {
    "two Authorization headers": b"Authorization: Bearer x\r\nAuthorization: Bearer y\r\n" + LENGTH,
    "two hosts": b"Host: b\r\n" + LENGTH,
    "length and chunks": b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 50\r\n" + LENGTH,
    "a length with a sign": b"Content-Length: +2\r\n\r\n{}",
    "a length that is a list": b"Content-Length: 2, 2\r\n\r\n{}",
    "an encoding in disguise": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two encodings": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "an encoding twice": CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
    "a space before the colon": b"Content-Length : 2\r\n\r\n{}",
    "a folded line": b"X-Thing: a\r\n " + LENGTH,
    "a bare line feed": b"X-Thing: a\n" + LENGTH,
    "a null byte": b"X-Thing: a\x00b\r\n" + LENGTH,
    "a chunk size out of bounds": CHUNKED + b"\r\nffffffffffffffff1\r\n",
    "a chunk that lies": CHUNKED + b"\r\n1\r\n{}\r\n0\r\n\r\n",
    "an upgrade with a body": b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + LENGTH,
}
LARGE_HEADS = {
    "many headers": b"".join(b"X-%d: a\r\n" % number for number in range(150)) + LENGTH,
    "a large header": b"X-Thing: " + b"a" * 20_000 + b"\r\n" + LENGTH,
}


@pytest.mark.parametrize("case", [*HEADS, *LARGE_HEADS])
def test_a_request_that_two_readers_could_read_differently_is_refused(gateway: Gateway, case: str) -> None:
    """One error in the one shape, then the connection is closed: what was hidden behind it is never answered."""
    status, rest = (400, HEADS[case]) if case in HEADS else (431, LARGE_HEADS[case])
    before = len(gateway.log())
    with connected(gateway) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n" + rest + SMUGGLED)
        answer = receive(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"\r\nconnection: close" in head.lower()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert json.loads(body)["error"]["code"] == ("invalid_request" if status == 400 else "headers_too_large")
    assert "/smuggled" not in [line.get("path") for line in gateway.log()[before:]]


@pytest.mark.parametrize(
    "start",
    [b"HELLO", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
)
def test_what_is_no_http_is_told_so(gateway: Gateway, start: bytes) -> None:
    """Other protocols get one error and a closed connection."""
    with connected(gateway) as connection:
        connection.sendall(start + b"\r\n\r\n")
        answer = receive(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "INVALID_REQUEST"


def test_two_keys_are_no_key(gateway: Gateway, key: str) -> None:
    """Two different keys in two headers are refused; the same one twice is fine, and each header will do."""
    other = gateway.make_key("other")
    for name in ("x-api-key", "x_api_key", "api-key", "x-goog-api-key"):
        assert gateway.post(key, chat("lab/ok"), headers={name: other}).status_code == 401
        assert gateway.post(key, chat("lab/ok"), headers={name: key}).status_code == 200
        assert gateway.post(None, chat("lab/ok"), headers={name: key}).status_code == 200
    assert gateway.post(None, chat("lab/ok"), path=f"/v1/chat/completions?api_key={key}").status_code == 401


def test_requests_behind_one_another_get_their_own_answers(gateway: Gateway, key: str) -> None:
    """Pipelined calls are answered in order, each with its own text."""
    calls = [raw_chat(key, chat(f"lab/chunks:{words}")) for words in (1, 3, 2)]
    with connected(gateway) as connection:
        connection.sendall(b"".join(calls))
        data = receive(connection, lambda data: data.count(b'"total_tokens": ') == 3)
    assert re.findall(rb'"total_tokens": (\d+)', data) == [b"11", b"13", b"12"]


def test_a_compressed_body_is_refused(gateway: Gateway, key: str) -> None:
    """What could grow without bounds when unpacked is not unpacked."""
    answer = gateway.post(key, gzip.compress(GOOD), headers={"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_value")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_not_answered(gateway: Gateway, key: str, method: str) -> None:
    """The address of calls answers POST alone, and says so."""
    answer = gateway.request(method, "/v1/chat/completions", key)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions/",
        "/v1/../admin/api/keys",
        "//admin/api/keys",
        "/admin/api/%2e%2e/keys",
        "/v1/models/..%2f..%2fsecret",
        "/" + "a" * 7_000,
    ],
)
def test_other_addresses_open_nothing(gateway: Gateway, key: str, path: str) -> None:
    """Addresses in disguise are unknown or forbidden, in the one shape, without a redirect."""
    with connected(gateway) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        answer = receive(connection)
    assert re.match(rb"HTTP/1\.1 (403|404|405) ", answer)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"].lower() in {
        "not_found",
        "forbidden",
        "model_not_found",
    }


def test_an_endless_address_is_refused(gateway: Gateway) -> None:
    """More than eight kibibytes of address are too long."""
    with connected(gateway) as connection:
        connection.sendall(b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert receive(connection).startswith(b"HTTP/1.1 414 ")


def test_a_caller_cannot_write_into_the_log(gateway: Gateway, key: str) -> None:
    """Names with line breaks and escapes stay within their one line; the address is the socket's own."""
    forged = 'x"}\n{"level":"error","event":"forged"}\x1b[2J\u2028'
    answer = gateway.post(key, chat(forged), headers={"x-forwarded-for": "192.0.2.7", "user-agent": 'a"}{"b'})
    line = gateway.call_line(answer.headers["x-request-id"])
    assert line["model"] == forged
    assert line["address"] == "127.0.0.1"
    assert "forged" not in [line["event"] for line in gateway.log()]
    raw = (gateway.directory / "err").read_text()
    assert not {"\x1b", "\u2028"} & set(raw)


def test_after_all_that_it_serves_as_before(gateway: Gateway, key: str) -> None:
    """The server lives, is ready, and nothing is left of the requests above."""
    assert gateway.request("GET", "/health/ready").status_code == 200
    assert gateway.calls() == 0
    assert gateway.post(key, chat("lab/ok")).status_code == 200
