"""Google's Gemini dialect: `generateContent`, and its stream as events or as one array."""

from functools import partial
from urllib.parse import parse_qs

from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.gemini.array import ArrayEncoder
from tollbar.wire.gemini.errors import encode_array_error, encode_error, encode_stream_error
from tollbar.wire.gemini.request import ARRAY_WIRE, WIRE, decode
from tollbar.wire.gemini.response import ChunkEncoder, encode

DIALECT = Dialect(
    wire=WIRE,
    decode=partial(decode, stream=False),
    encode=encode,
    stream_encoder=ChunkEncoder,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
)

_EVENTS = Dialect(
    wire=WIRE,
    decode=partial(decode, stream=True),
    encode=encode,
    stream_encoder=ChunkEncoder,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
    comment=b"\n",  # Google's SDKs stumble over comments, and pass over empty lines
)

_ARRAY = Dialect(
    wire=ARRAY_WIRE,
    decode=partial(decode, stream=True, wire=ARRAY_WIRE),
    encode=encode,
    stream_encoder=ArrayEncoder,
    encode_error=encode_error,
    encode_stream_error=encode_array_error,
    stream_content_type=b"application/json; charset=utf-8",
    comment=b"",
)


def _streamed(incoming: Incoming) -> Dialect:
    """Events where the address says `alt=sse`, else the array."""
    wanted = parse_qs(incoming.query.decode("latin-1")).get("alt", ())
    return _EVENTS if "sse" in wanted else _ARRAY


STREAM = Dialect(
    wire=WIRE,
    decode=partial(decode, stream=True),
    encode=encode,
    stream_encoder=ChunkEncoder,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
    variant=_streamed,
)
"""The dialect of the address that streams."""
