"""A dialect is a value that names its functions."""

from tollbar.wire.dialect import Dialect, Incoming, Stamp
from tollbar.wire.openai_chat import DIALECT
from tollbar.wire.openai_chat.response import ChunkEncoder


def test_openai_chat_is_a_dialect() -> None:
    """Its parts fit together: what it decodes it can encode, and its stream says that it is alive by a comment."""
    assert isinstance(DIALECT, Dialect)
    request = DIALECT.decode(Incoming(b'{"model":"m","messages":[]}'))
    assert isinstance(DIALECT.stream_encoder(request, Stamp("r", 0)), ChunkEncoder)
    assert DIALECT.wire == request.source.wire
    assert DIALECT.comment.startswith(b":")
    assert DIALECT.comment.endswith(b"\n\n")
    assert DIALECT.stream_content_type.startswith(b"text/event-stream")
