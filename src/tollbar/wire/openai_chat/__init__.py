"""OpenAI's Chat Completions dialect."""

from tollbar.wire.dialect import Dialect
from tollbar.wire.openai_chat.errors import encode_error, encode_stream_error
from tollbar.wire.openai_chat.request import WIRE, decode
from tollbar.wire.openai_chat.response import ChunkEncoder, encode

DIALECT = Dialect(
    wire=WIRE,
    decode=decode,
    encode=encode,
    stream_encoder=ChunkEncoder,
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
)
