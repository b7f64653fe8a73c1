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

    def finish(self) -> bytes:
        """What has arrived since the last whole frame, handed over."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest
