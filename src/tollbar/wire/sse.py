"""Server-sent events as frames: bytes cut at blank lines, whatever the chunks they arrived in.

The format is the HTML Standard's, section 9.2: lines end in LF, CRLF or CR, an empty line ends an event, `data:` drops
one space, lines that begin with a colon are comments.
"""

import re

from tollbar.wire import splitting

_BOUNDARY = re.compile(rb"\r?\n\r?\n|\r\r")
_BOUNDARY_BYTES = 4
_BETWEEN = b"\n\ndata: "
_LINE = re.compile(rb"\r\n|\n|\r")


class Splitter(splitting.Splitter):
    """Collects bytes and gives back blocks of whole frames, each with the blank line that ends it."""

    __slots__ = ()

    def feed(self, data: bytes) -> bytes:
        """The frames that are whole now; joined with the rest they are exactly the bytes fed so far.

        Only what is new is searched, and the few bytes before it in which a boundary may begin: a frame that comes in
        a thousand reads costs no more than one that comes at once.
        """
        if not self._rest:
            end = _last_boundary(data, 0)
            self._rest += data[end:]
            return data[:end]
        searched = max(0, len(self._rest) - _BOUNDARY_BYTES + 1)
        self._rest += data
        end = _last_boundary(self._rest, searched)
        block = bytes(self._rest[:end])
        del self._rest[:end]
        return block

    def frames(self, block: bytes) -> list[bytes]:
        """The frames of a block; together they are exactly its bytes."""
        return frames(block)

    def payloads(self, block: bytes) -> list[bytes | None]:
        """The data of each of these frames, None of one without any."""
        return payloads(block)


def _last_boundary(data: bytes | bytearray, start: int) -> int:
    """Where the last boundary that begins at `start` or later ends; 0 when there is none."""
    if data.find(b"\r", start) < 0:
        found = data.rfind(b"\n\n", start)
        return found + 2 if found >= 0 else 0
    end = 0
    for match in _BOUNDARY.finditer(data, start):
        end = match.end()
    return end


def frames(block: bytes) -> list[bytes]:
    """The frames of a block, each with the blank line that ends it; what follows the last one is a frame too."""
    if b"\r" not in block:
        *whole, rest = block.split(b"\n\n")
        return [frame + b"\n\n" for frame in whole] + ([rest] if rest else [])
    found: list[bytes] = []
    start = 0
    for match in _BOUNDARY.finditer(block):
        found.append(block[start : match.end()])
        start = match.end()
    if start < len(block):
        found.append(block[start:])
    return found


def is_one_plain_frame(data: bytes) -> bool:
    """Whether the bytes are one whole frame of one `data: ` line."""
    ends = len(data) - 2
    return data.startswith(b"data: ") and data.find(b"\n") == ends and data.endswith(b"\n\n") and b"\r" not in data


def joined(block: bytes) -> tuple[bytes, int] | None:
    """The data of frames as one array with commas between, and how many frames; None unless each is one `data: ` line.

    Line breaks cannot stand in JSON's strings, so whatever else a block holds leaves one behind.
    """
    if not block.startswith(b"data: ") or not block.endswith(b"\n\n") or b"\r" in block:
        return None
    data = block[6:-2]
    array = data.replace(_BETWEEN, b",")
    if b"\n" in array:
        return None
    return b"[%b]" % array, 1 + (len(data) - len(array)) // (len(_BETWEEN) - 1)


def payloads(block: bytes) -> list[bytes | None]:
    """The data of each frame of a block, lines joined by LF; None for a frame without any (a comment, say)."""
    if block.startswith(b"data: ") and b"\r" not in block and block.endswith(b"\n\n"):
        plain: list[bytes | None] = list(block[6:-2].split(b"\n\ndata: "))
        if block.count(b"\n") == 2 * len(plain):  # every frame is one `data: ` line, as providers write them
            return plain
    return [_data(frame) for frame in frames(block)]


def _data(frame: bytes) -> bytes | None:
    lines = [line[6:] if line[5:6] == b" " else line[5:] for line in _LINE.split(frame) if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None


def event(data: bytes) -> bytes:
    """One event whose data is `data`, which may hold newlines."""
    if b"\n" not in data and b"\r" not in data:
        return b"data: " + data + b"\n\n"
    return b"".join(b"data: " + line + b"\n" for line in _LINE.split(data)) + b"\n"
