"""OpenAI's Responses dialect."""

from tollbar.domain.completion import CompletionRequest
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.openai_chat.errors import encode_error
from tollbar.wire.openai_responses.errors import encode_next_error, encode_stream_error
from tollbar.wire.openai_responses.request import WIRE, decode
from tollbar.wire.openai_responses.response import EventEncoder, encode


def _decode(incoming: Incoming) -> CompletionRequest:
    return decode(incoming.body)


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
