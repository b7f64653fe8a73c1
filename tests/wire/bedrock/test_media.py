"""Files go to Bedrock by a word for their format, or not at all."""

import base64

import pytest

from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import AudioPart, FilePart, ImagePart, Inline, Link, Upload
from tollbar.wire.bedrock import media

DATA = base64.b64encode(b"bytes").decode()
INLINE = {"bytes": DATA}


@pytest.mark.parametrize(
    ("kind", "word"), [("image/png", "png"), ("image/JPEG", "jpeg"), ("image/jpg", "jpeg"), ("image/webp", "webp")]
)
def test_pictures(kind: str, word: str) -> None:
    """By their types."""
    told = {"image": {"format": word, "source": INLINE}}
    assert media.image(ImagePart(Inline(kind, DATA)), "f") == told


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("application/pdf", "pdf"),
        ("text/csv; charset=utf-8", "csv"),
        ("text/markdown", "md"),
        ("text/x-python", "txt"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ],
)
def test_documents(kind: str, word: str) -> None:
    """By their types; any text that has no word of its own is plain."""
    told = {"document": {"format": word, "source": INLINE, "name": "document"}}
    assert media.document(FilePart(Inline(kind, DATA)), "f", 1) == told


@pytest.mark.parametrize(
    ("name", "number", "told"),
    [
        ("notes (new).pdf", 1, "notes (new) pdf"),
        ("a//b\t\tc…d", 1, "a b c d"),
        ("…", 2, "document 2"),
        (None, 3, "document 3"),
        ("x" * 300, 12, "x" * 197 + " 12"),
    ],
)
def test_names_of_documents(name: str | None, number: int, told: str) -> None:
    """With the few characters that they may have, and none twice in a request."""
    made = media.document(FilePart(Inline("application/pdf", DATA), name), "f", number)
    assert made["document"]["name"] == told


def test_what_lies_in_amazons_storage_is_fetched_by_amazon() -> None:
    """By its address, which tells its format."""
    place = {"s3Location": {"uri": "s3://bucket/a.jpg"}}
    assert media.image(ImagePart(Link("s3://bucket/a.jpg")), "f") == {"image": {"format": "jpeg", "source": place}}
    made = media.document(FilePart(Link("s3://bucket/b.txt")), "f", 1)
    assert made["document"]["format"] == "txt"


def test_sound() -> None:
    """In a format that is known."""
    assert media.audio(AudioPart(DATA, "wav"), "f") == {"audio": {"format": "wav", "source": INLINE}}
    with pytest.raises(InvalidValue, match="'pcm16'"):
        media.audio(AudioPart(DATA, "pcm16"), "f")


@pytest.mark.parametrize(
    ("part", "word"),
    [
        (ImagePart(Inline("image/bmp", DATA)), "image/bmp"),
        (ImagePart(Link("https://example.org/a.png")), "address"),
        (ImagePart(Link("s3://bucket/a.bmp")), "address"),
        (ImagePart(Link("s3://bucket/a.pdf")), "address"),
        (ImagePart(Link("s3://bucket/")), "address"),
        (ImagePart(Inline("image/png", "no base64!")), "base64"),
        (ImagePart(Inline("image/png", "")), "empty"),
        (FilePart(Inline("application/zip", DATA)), "application/zip"),
        (FilePart(Upload("file-1")), "another provider"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name(part: ImagePart | FilePart, word: str) -> None:
    """With the field, and what to do where something helps."""
    with pytest.raises(InvalidValue, match=word) as fault:
        media.image(part, "messages[0]") if isinstance(part, ImagePart) else media.document(part, "messages[0]", 1)
    assert fault.value.field == "messages[0]"
