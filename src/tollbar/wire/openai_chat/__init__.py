"""OpenAI's Chat Completions dialect."""

from tollbar.domain.completion import CompletionRequest
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.openai_chat.errors import encode_error, encode_stream_error
from tollbar.wire.openai_chat.request import WIRE, decode
from tollbar.wire.openai_chat.response import ChunkEncoder, encode


def _decode(incoming: Incoming) -> CompletionRequest:
    return decode(incoming.body)


DIALECT = Dialect(
    wire=WIRE,
    decode=_decode,
    encode=encode,
    stream_encoder=ChunkEncoder,
    resumed=ChunkEncoder.resumed,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
)
