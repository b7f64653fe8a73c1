"""What stands in for curl sends what curl sends."""

import re
from pathlib import Path

import pytest

from tests.journeys.clients.telling import CURL, curl, curl_bytes, exchange, listener


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
@pytest.mark.parametrize("data", ["", '{"prompt": "Ä?"}', '{\n    "prompt": "What is Python?"\n  }', "@FILE"])
def test_the_bytes_of_curl(tmp_path: Path, data: str) -> None:
    """Line for line but for its version: with and without a body, with one on several lines, with one from a file."""
    (tmp_path / "body.json").write_bytes(b'{\r\n  "prompt": "What is Python?",\r\n  "max_tokens": 50\r\n}\r\n')
    data = data.replace("FILE", str(tmp_path / "body.json"))
    headers = ("x-api-key: sk-xxxxxxxxxxxxxxxx", *(("Content-Type: application/json",) if data else ()))
    method = "POST" if data else "GET"
    with listener() as (port, heard):
        url = f"http://127.0.0.1:{port}/generate?stream=true"
        assert curl(url, *headers, data=data).status == 204
        sent = re.sub(rb"curl/[\w.]+", b"curl/8.5.0", heard())
    assert curl_bytes(url, *headers, method=method, data=data) == sent


def test_bytes_of_ones_own_are_answered() -> None:
    """What goes out is what was given, and the answer is read as HTTP."""
    with listener() as (port, heard):
        assert exchange(port, b"GET / HTTP/1.0\r\n\r\n").status == 204
        assert heard() == b"GET / HTTP/1.0\r\n\r\n"
