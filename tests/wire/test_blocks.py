"""What the wires whose answers come in blocks have in common."""

from collections.abc import Iterator

import pytest

from tollbar.domain.errors import StreamBroken
from tollbar.domain.events import Cited, StreamEvent, Text, ToolArguments
from tollbar.domain.messages import Citation
from tollbar.wire.blocks import BlockHearing
from tollbar.wire.ndjson import Splitter


class Letters(BlockHearing[str]):
    """A wire of letters: a line is a block, `c` makes it a call, `s` is a source, `.` closes it, `!` ends all."""

    def _heard(self, block: bytes) -> Iterator[StreamEvent]:
        for line in self._payloads(block):
            opened = self._opened(0, is_call=line.startswith(b"c"))
            for letter in line.decode().strip().removeprefix("c"):
                match letter:
                    case "s":
                        opened.sources.append(letter)
                    case ".":
                        yield from self._closed(0)
                    case "!":
                        self._is_finished = self.is_done = True
                    case _:
                        yield self._text(letter)

    def _whole(self, raw: bytes) -> list[StreamEvent]:
        return list(self._heard(raw))

    def _citation(self, source: str, start: int, end: int) -> Citation:
        return Citation(source, None, None, start, end)


def test_a_block_tells_at_its_end_what_was_not_told_before() -> None:
    """Sources with the place of the text that rests on them, a call's empty arguments; and a place closes once."""
    heard = Letters(Splitter()).feed(b"ab.\nxyss..\nc.\nc.\n!\nz\n")
    assert [event.text for event in heard if isinstance(event, Text)] == ["a", "b", "x", "y"]
    cited = Cited(Citation("s", None, None, 2, 4))
    others = [cited, cited, ToolArguments(0, "{}"), ToolArguments(1, "{}")]
    assert [event for event in heard if not isinstance(event, Text)] == others


def test_an_answer_that_does_not_end_is_cut() -> None:
    """Whatever it said."""
    hearing = Letters(Splitter())
    hearing.feed(b"ab.\n")
    with pytest.raises(StreamBroken):
        hearing.end()
