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

    def frames(self, block: bytes) -> list[bytes]:
        """The lines of a block; together they are exactly its bytes."""
        *whole, rest = block.split(b"\n")
        return [line + b"\n" for line in whole] + ([rest] if rest else [])

    def payloads(self, block: bytes) -> list[bytes | None]:
        """The documents of these lines; a blank line has none."""
        return [frame if frame.strip() else None for frame in self.frames(block)]
