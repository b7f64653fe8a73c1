"""Up to where the caller of an Anthropic request wants it remembered: `cache_control`, wherever it stands.

Reference: the page on prompt caching of the Messages API. It is a knob: one that cannot be read is as good as none.
"""

from collections.abc import Iterator

import msgspec

from tollbar.domain.conversation import CachePoint
from tollbar.wire.body import Body

MARK = "cache_control"
_QUOTED = b'"cache_control"'
_NULL = msgspec.Raw(b"null")


class _Mark(msgspec.Struct, gc=False):
    ttl: str | None = None


class _Source(msgspec.Struct, gc=False):
    type: str = ""
    content: str | list[msgspec.Raw] = ""


class _Block(msgspec.Struct, gc=False):
    type: str = ""
    context: str | None = None
    source: msgspec.Raw = _NULL
    cache_control: _Mark | None = None

    @property
    def parts(self) -> int:
        """How many parts of a message it becomes; only a document becomes others than one."""
        if self.type != "document":
            return 1
        source = msgspec.json.decode(self.source, type=_Source)
        inner = len(source.content) if source.type == "content" and isinstance(source.content, list) else 1
        return inner + (1 if self.context else 0)


class _Message(msgspec.Struct, gc=False):
    content: str | list[_Block] = ""


def cache_points(body: Body) -> tuple[CachePoint, ...]:
    """The points of a request, in the order in which the provider reads it: tools, instructions, messages."""
    if _QUOTED not in body.raw:  # within a text the quotes would be escaped
        return ()
    try:
        return tuple(_points(body))
    except msgspec.DecodeError:
        return ()


def _points(body: Body) -> Iterator[CachePoint]:
    for index, tool in enumerate(msgspec.json.decode(body.value("tools") or b"null", type=list[_Block] | None) or ()):
        if tool.cache_control is not None:
            yield CachePoint(None, index, tool.cache_control.ttl)
    system = msgspec.json.decode(body.value("system") or b"null", type=str | list[_Block] | None)
    messages = [_Message(system)] if system else []
    messages += msgspec.json.decode(body.value("messages") or b"[]", type=list[_Message])
    place = 0
    for index, message in enumerate(messages):
        place = 0
        for block in message.content if isinstance(message.content, list) else ():
            place += block.parts
            if block.cache_control is not None and place:
                yield CachePoint(index, place - 1, block.cache_control.ttl)
        place = 1 if isinstance(message.content, str) else place
    whole = msgspec.json.decode(body.value(MARK) or b"null", type=_Mark | None)
    if whole is not None and place:
        yield CachePoint(len(messages) - 1, place - 1, whole.ttl)
