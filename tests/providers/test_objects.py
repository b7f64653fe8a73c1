"""What a provider keeps for callers, asked of it over a real socket."""

import io
import tempfile
from typing import Any

import pytest

from tests.providers.calls import SECRET
from tests.upstream import FakeUpstream
from tests.upstream_scripts import error
from tollbar.clock import SystemClock
from tollbar.domain.errors import UpstreamError
from tollbar.providers.objects import Objects
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, custom

pytestmark = pytest.mark.anyio


async def test_a_large_body_is_sent_from_a_file_and_comes_back_piece_by_piece() -> None:
    """With its length, its type and the key."""
    content = b"x" * 300_000
    form = b'--b\r\ncontent-disposition: form-data; name="file"\r\n\r\n' + content + b"\r\n--b--"
    async with FakeUpstream() as up, Transport(SystemClock()) as transport:
        objects = Objects(Instance("lab", custom("lab", "openai"), up.url, SECRET), transport)
        with tempfile.TemporaryFile("w+b", 0) as raw:
            raw.write(form)
            body: Any = io.BufferedReader(raw)
            async with objects.ask("POST", "/files", body, "multipart/form-data; boundary=b") as answer:
                assert b"file-1" in await answer.read()
        sent = up.journal[-1].headers
        assert (sent["content-length"], sent["authorization"]) == (str(len(form)), f"Bearer {SECRET}")
        assert sent["content-type"] == "multipart/form-data; boundary=b"
        pieces = []
        async with objects.ask("GET", "/files/file-1/content") as delivery:
            while chunk := await delivery.read_chunk():
                pieces.append(chunk)
        assert (b"".join(pieces), delivery.content_type) == (content, "text/plain")
        async with objects.ask("DELETE", "/files/file-1") as answer:
            assert b"deleted" in await answer.read()
        with pytest.raises(UpstreamError) as fault:
            await objects.ask("GET", "/files/file-1").__aenter__()
        assert fault.value.upstream_status == error(404).status
