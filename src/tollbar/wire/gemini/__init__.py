"""Google's Gemini dialect: `generateContent`, its stream as events or as one array, and `countTokens`."""

from dataclasses import replace
from functools import partial
from urllib.parse import parse_qs

from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.gemini.array import ArrayEncoder
from tollbar.wire.gemini.errors import encode_array_error, encode_error, encode_stream_error
from tollbar.wire.gemini.request import ARRAY_WIRE, WIRE, decode, decode_counting
from tollbar.wire.gemini.response import ChunkEncoder, encode
from tollbar.wire.writing import encoded


def _streamed(incoming: Incoming) -> Dialect:
    """Events where the address says `alt=sse`, else the array."""
    wanted = parse_qs(incoming.query.decode("latin-1")).get("alt", ())
    return _EVENTS if "sse" in wanted else _ARRAY


def _encode_count(tokens: int) -> bytes:
    return encoded({"totalTokens": tokens})


DIALECT = Dialect(
    wire=WIRE,
    decode=partial(decode, stream=False),
    encode=encode,
    stream_encoder=ChunkEncoder,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
    comment=b"\n",  # Google's SDKs stumble over comments, and pass over empty lines
)
_EVENTS = replace(DIALECT, decode=partial(decode, stream=True))
_ARRAY = replace(
    DIALECT,
    wire=ARRAY_WIRE,
    decode=partial(decode, stream=True, wire=ARRAY_WIRE),
    stream_encoder=ArrayEncoder,
    resumed=ArrayEncoder.resumed,
    encode_stream_error=encode_array_error,
    stream_content_type=b"application/json; charset=utf-8",
    comment=b"",
)
STREAM = replace(_EVENTS, variant=_streamed)
"""The dialect of the address that streams."""
COUNTING = replace(DIALECT, decode=decode_counting, encode_count=_encode_count)
"""The same request, of which only the tokens are wanted."""
