"""`multipart/form-data`: where the fields of a form lie in its bytes, so that one of them can be replaced.

Reference: RFC 7578 and RFC 2046, 5.1.1. Only forms as clients write them are read. A field that we read must stand
there once and under its plain name: one that a provider might read as it, escaped or in capitals, is refused.
"""

import re
from collections.abc import Collection, Mapping
from urllib.parse import unquote

from tollbar.domain.errors import InvalidValue

MAX_PARTS = 1_000
_BOUNDARY = re.compile(r'multipart/form-data\s*;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*', re.IGNORECASE)
_ALLOWED = re.compile(r"[0-9A-Za-z'()+_,./:=?-]+")
_NAME = re.compile(
    rb'content-disposition:[ \t]*form-data[ \t]*;[ \t]*name="([^"\r\n]*)"'
    rb'((?:[ \t]*;[ \t]*filename="[^"\r\n]*")?)[ \t]*',
    re.IGNORECASE,
)


def boundary_of(content_type: str) -> str:
    """What parts the fields; raises InvalidValue for a body that is no form."""
    match = _BOUNDARY.fullmatch(content_type.strip())
    boundary = (match[1] or match[2]) if match else ""
    if not _ALLOWED.fullmatch(boundary):
        hint = "Send 'Content-Type: multipart/form-data; boundary=…', as HTTP clients do by themselves for files."
        raise InvalidValue("The body must be a form with a boundary.", field="content-type", hint=hint)
    return boundary


def fields_of(body: bytes, boundary: str, once: Collection[str]) -> Mapping[str, tuple[int, int]]:
    """Where the value of each text field lies; files are left out. Raises InvalidValue.

    `once` are the fields that nothing may be mistaken for.
    """
    mark = b"--" + boundary.encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) < 3 or pieces[0] or not pieces[-1].startswith(b"--") or len(pieces) > MAX_PARTS:
        raise InvalidValue("The form is not whole.", hint="Is its boundary the one of its Content-Type?")
    found: dict[str, tuple[int, int]] = {}
    start = len(mark)
    for piece in pieces[1:-1]:
        head, blank, value = piece.partition(b"\r\n\r\n")
        name, is_file = _name(head) if blank else (None, True)
        if name is None:
            raise InvalidValue("The form has a part without a name, or with one that cannot be read.")
        meant = unquote(name).replace("\\", "").strip().casefold()
        if meant in once and (name != meant or name in found or is_file):
            raise InvalidValue(f"The form has a field {name[:64]!r} twice, or in another notation.", field=meant)
        if not is_file:
            begin = start + len(head) + len(blank)
            found[name] = (begin, begin + len(value))
        start += len(piece) + len(b"\r\n") + len(mark)
    return found


def _name(head: bytes) -> tuple[str | None, bool]:
    """A part's name and whether it is a file; None where no name is told plainly, once."""
    told = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-disposition")]
    match = _NAME.fullmatch(told[0]) if len(told) == 1 else None
    if match is None:
        return None, True
    return match[1].decode("utf-8", "replace"), bool(match[2])
