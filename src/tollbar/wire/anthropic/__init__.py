"""Anthropic's Messages dialect."""

from dataclasses import replace

from tollbar.wire.anthropic.errors import encode_error, encode_stream_error, status_of
from tollbar.wire.anthropic.headers import limit_headers
from tollbar.wire.anthropic.request import WIRE, decode, decode_counting
from tollbar.wire.anthropic.response import EventEncoder, encode
from tollbar.wire.dialect import Dialect
from tollbar.wire.writing import encoded


def _encode_count(tokens: int) -> bytes:
    return encoded({"input_tokens": tokens})


DIALECT = Dialect(
    wire=WIRE,
    decode=decode,
    encode=encode,
    stream_encoder=EventEncoder,
    resumed=EventEncoder.resumed,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
    status_of=status_of,
    comment=b'event: ping\ndata: {"type": "ping"}\n\n',
    more_headers=limit_headers,
)
COUNTING = replace(DIALECT, decode=decode_counting, encode_count=_encode_count)
"""The same body, of which only the tokens are wanted."""
