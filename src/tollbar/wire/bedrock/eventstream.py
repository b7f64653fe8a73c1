"""Amazon's binary event stream: bytes cut into whole messages, each proven by its checksums.

Reference: the `application/vnd.amazon.eventstream` encoding of the AWS SDKs. A message is its length and that of its
headers, a CRC32 of the two, the headers, a payload, and a CRC32 of all before. Nothing of a message is believed, its
length least of all, before the checksum over it has been compared.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

from tollbar.domain.errors import StreamBroken
from tollbar.wire import splitting
from tollbar.wire.hearing import MAX_FRAME_BYTES

PRELUDE = struct.Struct(">III")
CHECKSUM = struct.Struct(">I")
LEAST_BYTES = PRELUDE.size + CHECKSUM.size
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""How long header values are, by their type; bytes and text have their own length before them."""
_BYTES, _TEXT = 6, 7


class Message(NamedTuple):
    """One message: its headers that are text, and its payload."""

    headers: dict[str, str]
    payload: bytes


class Splitter(splitting.Splitter):
    """Collects bytes and gives back blocks of whole messages; what is wrong behind some is told after them."""

    __slots__ = ()

    def feed(self, data: bytes) -> bytes:
        """The messages that are whole now; raises StreamBroken where a length is not what its checksum says."""
        rest = self._rest
        rest += data
        end = 0
        try:
            while len(rest) - end >= PRELUDE.size and (length := _length(rest, end)) <= len(rest) - end:
                end += length
        except StreamBroken:
            if not end:
                raise
        block = bytes(memoryview(rest)[:end])
        del rest[:end]
        return block


def messages(block: bytes) -> Iterator[Message]:
    """The messages of a block; raises StreamBroken at the first that is cut or not what its checksums say."""
    start = 0
    while start < len(block):
        if len(block) - start < PRELUDE.size:
            raise _broken("a message that is cut")
        end = start + _length(block, start)
        if end > len(block):
            raise _broken("a message that is cut")
        (checksum,) = CHECKSUM.unpack_from(block, end - CHECKSUM.size)
        if crc32(memoryview(block)[start : end - CHECKSUM.size]) != checksum:
            raise _broken("a message whose checksum is wrong")
        _, size, _ = PRELUDE.unpack_from(block, start)
        head = start + PRELUDE.size
        yield Message(_headers(block[head : head + size]), block[head + size : end - CHECKSUM.size])
        start = end


def _length(data: bytes | bytearray, start: int) -> int:
    """How long the message is that begins here, with the prelude proven."""
    length, headers, checksum = PRELUDE.unpack_from(data, start)
    if crc32(data[start : start + PRELUDE.size - CHECKSUM.size]) != checksum:
        raise _broken("the beginning of a message whose checksum is wrong")
    if headers > length - LEAST_BYTES:
        raise _broken("a message that is shorter than its headers")
    if length > MAX_FRAME_BYTES:
        raise StreamBroken(f"The provider sent a frame of more than {MAX_FRAME_BYTES} bytes.")
    return length


def _headers(raw: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    try:
        while place < len(raw):
            name, place = _piece(raw, place + 1, raw[place])
            kind = raw[place]
            if kind in (_BYTES, _TEXT):
                (size,) = struct.unpack_from(">H", raw, place + 1)
                value, place = _piece(raw, place + 3, size)
            else:
                value, place = _piece(raw, place + 1, _SIZES[kind])
            if kind == _TEXT:
                found[name.decode()] = value.decode()
    except (IndexError, KeyError, struct.error, UnicodeDecodeError):
        raise _broken("a message with headers that cannot be read") from None
    return found


def _piece(raw: bytes, start: int, size: int) -> tuple[bytes, int]:
    end = start + size
    if end > len(raw):
        raise IndexError(end)
    return raw[start:end], end


def _broken(what: str) -> StreamBroken:
    return StreamBroken(f"The provider sent {what}.", is_retryable=True)
