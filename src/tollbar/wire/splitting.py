"""Bytes as blocks of whole frames, whatever the chunks they arrived in: what every wire's splitter has in common."""

from abc import ABC, abstractmethod


class Splitter(ABC):
    """Collects bytes and gives back blocks of whole frames; where one ends is the wire's own affair."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def size(self) -> int:
        """How many bytes have arrived since the last whole frame."""
        return len(self._rest)

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """The frames that are whole now; joined with the rest they are exactly the bytes fed so far."""

    def frames(self, block: bytes) -> list[bytes]:
        """The frames of a block, which together are exactly its bytes; it is one itself where a wire does not say."""
        return [block]

    def payloads(self, block: bytes) -> list[bytes | None]:
        """The data of each of these frames, None of one without any."""
        return list(self.frames(block))

    def finish(self) -> bytes:
        """What has arrived since the last whole frame, handed over."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest
