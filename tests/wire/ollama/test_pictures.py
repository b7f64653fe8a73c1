"""A picture is known by its first bytes."""

import base64

import pytest

from tollbar.wire.ollama.pictures import media_type


@pytest.mark.parametrize(
    ("begins", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"BM\x00", "image/bmp"),
        (b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_kinds(begins: bytes, kind: str | None) -> None:
    """Those that models look at; nothing else is taken for one."""
    assert media_type(base64.b64encode(begins).decode()) == kind
