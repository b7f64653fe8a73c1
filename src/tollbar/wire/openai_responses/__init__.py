"""OpenAI's Responses dialect."""

from dataclasses import replace

from tollbar.domain.completion import CompletionRequest
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.openai_chat.errors import encode_error
from tollbar.wire.openai_responses.errors import encode_next_error, encode_stream_error
from tollbar.wire.openai_responses.request import WIRE, decode
from tollbar.wire.openai_responses.response import EventEncoder, encode
from tollbar.wire.writing import encoded


def _decode(incoming: Incoming) -> CompletionRequest:
    return decode(incoming.body)


def _decode_counting(incoming: Incoming) -> CompletionRequest:
    return decode(incoming.body)._replace(stream=False)


def _encode_count(tokens: int) -> bytes:
    return encoded({"object": "response.input_tokens", "input_tokens": tokens})


DIALECT = Dialect(
    wire=WIRE,
    decode=_decode,
    encode=encode,
    stream_encoder=EventEncoder,
    resumed=EventEncoder.resumed,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
    encode_next_error=encode_next_error,
    is_kept=True,
)
COUNTING = replace(DIALECT, decode=_decode_counting, encode_count=_encode_count)
"""The same body, of which only the tokens are wanted."""
