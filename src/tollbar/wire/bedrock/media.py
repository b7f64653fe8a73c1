"""Pictures, sound and documents as Converse takes them: by a word for their format, and with a name of few characters.

Their bytes come along, or lie in Amazon's own storage. What lies elsewhere is refused: nobody fetches it.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import AudioPart, FilePart, ImagePart, Inline, Link, Upload

_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/markdown": "md",
}
_SUFFIXES = {
    **{word: word for word in ("png", "jpeg", "gif", "webp")},
    **{word: word for word in ("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")},
    "jpg": "jpeg",
    "htm": "html",
}
_SOUNDS = frozenset(("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "m4a", "mpeg", "pcm", "webm"))
_STORED = re.compile(r"s3://[a-z0-9][.\-a-z0-9]{1,61}[a-z0-9](?:/.*)?")
_UNNAMEABLE = re.compile(r"[^A-Za-z0-9\s\-()\[\]]+")
_BLANKS = re.compile(r"\s+")
LONGEST_NAME = 200


def image(part: ImagePart, field: str) -> dict[str, Any]:
    """A picture; raises InvalidValue."""
    return {"image": _with_source(part.source, _IMAGES, "", field)}


def audio(part: AudioPart, field: str) -> dict[str, Any]:
    """Sound; raises InvalidValue."""
    if part.format not in _SOUNDS:
        raise _refused(field, f"sound in the format {part.format[:40]!r}")
    return {"audio": {"format": part.format, "source": {"bytes": _checked(part.data, field)}}}


def document(part: FilePart, field: str, number: int) -> dict[str, Any]:
    """A document, the `number`th of its request; raises InvalidValue.

    Its name may not be that of another, and may hold few characters: a dot is none of them.
    """
    if isinstance(part.source, Upload):
        raise _refused(field, "an uploaded file of another provider")
    told = _with_source(part.source, _DOCUMENTS, "txt", field)
    name = _BLANKS.sub(" ", _UNNAMEABLE.sub(" ", part.name or "")).strip()
    number_too = f" {number}" if number > 1 else ""
    return {"document": {**told, "name": f"{name[: LONGEST_NAME - len(number_too)] or 'document'}{number_too}"}}


def _with_source(source: Link | Inline, formats: Mapping[str, str], text: str, field: str) -> dict[str, Any]:
    """The format and the bytes of something; `text` is the format of any text that has none of its own."""
    if isinstance(source, Link):
        suffix = source.url.rpartition(".")[2].lower()
        if not _STORED.fullmatch(source.url) or _SUFFIXES.get(suffix) not in {*formats.values(), text}:
            raise _refused(field, "the address of a file", "Send the file itself, as base64.")
        return {"format": _SUFFIXES[suffix], "source": {"s3Location": {"uri": source.url}}}
    kind = source.media_type.partition(";")[0].strip().lower()
    found = formats.get(kind) or (text if kind.startswith("text/") else "")
    if not found:
        raise _refused(field, f"a file of the type {kind[:60]!r}")
    return {"format": found, "source": {"bytes": _checked(source.data, field)}}


def _checked(data: str, field: str) -> str:
    """Base64 that is right, and of something."""
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValue(f"{field!r} holds something that is no base64.", field=field) from None
    if not raw:
        raise _refused(field, "an empty file")
    return data


def _refused(field: str, what: str, hint: str = "") -> InvalidValue:
    return InvalidValue(f"{field!r} holds {what}, which this model's provider cannot be sent.", field=field, hint=hint)
