"""Ollama's dialect: a chat, and a text for a prompt, streamed as lines of JSON unless the caller says otherwise."""

from dataclasses import replace
from functools import partial

from tollbar.wire.dialect import Dialect
from tollbar.wire.ollama.errors import encode_error, encode_stream_error
from tollbar.wire.ollama.request import CHAT_WIRE, GENERATE_WIRE, decode_chat, decode_generate
from tollbar.wire.ollama.response import encode, encoder, in_message, in_response

CHAT = Dialect(
    wire=CHAT_WIRE,
    decode=decode_chat,
    encode=partial(encode, in_message),
    stream_encoder=encoder(in_message),
    encode_error=encode_error,
    encode_stream_error=encode_stream_error,
    stream_content_type=b"application/x-ndjson",
    comment=b"",
)
GENERATE = replace(
    CHAT,
    wire=GENERATE_WIRE,
    decode=decode_generate,
    encode=partial(encode, in_response),
    stream_encoder=encoder(in_response),
)
