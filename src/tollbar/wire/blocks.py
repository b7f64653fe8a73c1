"""An answer that comes in blocks which open and close, as Anthropic's and Bedrock's do, as events.

A call without arguments is given empty ones, and what a text rests on is told with the text's place, when it is over.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tollbar.domain.errors import StreamBroken
from tollbar.domain.events import Cited, StreamEvent, Text, ToolArguments
from tollbar.domain.messages import Citation
from tollbar.wire.hearing import FrameHearing
from tollbar.wire.splitting import Splitter

S = TypeVar("S")


@dataclass(slots=True)
class Open(Generic[S]):
    """A block under way: the place of the tool call that it is, and what its text rests on."""

    began_at: int
    call: int | None = None
    sources: list[S] = field(default_factory=list)
    has_arguments: bool = False


class BlockHearing(FrameHearing, Generic[S]):
    """A listener to such an answer, which is whole when it has said why it ended."""

    def __init__(self, splitter: Splitter | None) -> None:
        super().__init__(splitter)
        self._open: dict[int, Open[S]] = {}
        self._calls = 0
        self._characters = 0
        """How long the text of the answer is so far, by which citations tell what rests on them."""
        self._is_finished = False

    @abstractmethod
    def _citation(self, source: S, start: int, end: int) -> Citation:
        """What a source is, on which the text between these places rests."""

    def _opened(self, index: int, is_call: bool = False) -> Open[S]:
        """A block that begins."""
        opened = self._open[index] = Open(self._characters)
        if is_call:
            opened.call, self._calls = self._calls, self._calls + 1
        return opened

    def _closed(self, index: int) -> Iterator[StreamEvent]:
        opened = self._open.pop(index, None)
        if opened is None:
            return
        if opened.call is not None and not opened.has_arguments:
            yield ToolArguments(opened.call, "{}")
        for source in opened.sources:
            yield Cited(self._citation(source, opened.began_at, self._characters))

    def _text(self, said: str) -> Text:
        self._characters += len(said)
        return Text(said)

    def _check_complete(self) -> None:
        if not self._is_finished:
            raise StreamBroken("The provider closed the stream before its answer was complete.", is_retryable=True)
