"""Newline-delimited JSON as frames: bytes cut at line feeds, whatever the chunks they arrived in."""

from tollbar.wire import splitting


class Splitter(splitting.Splitter):
    """Collects bytes and gives back blocks of whole lines, each with the line feed that ends it."""

    __slots__ = ()

    def feed(self, data: bytes) -> bytes:
        """The lines that are whole now; joined with the rest they are exactly the bytes fed so far."""
        end = data.rfind(b"\n") + 1
        if not end:
            self._rest += data
            return b""
        block = bytes(self._rest) + data[:end]
        self._rest[:] = data[end:]
        return block


def lines(block: bytes) -> list[bytes]:
    """The documents of a block; blank lines are none."""
    return [line for line in block.split(b"\n") if line.strip()]
