"""How a stream ends that was cancelled: in its dialect's own way, with why and with its usage, and with no error."""

from typing import NamedTuple

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import Finished, FinishReason, UsageSeen
from tollbar.domain.usage import Usage
from tollbar.wire.dialect import Dialect, Relayed, Stamp, StreamEncoder

FIRST_BYTES = 1_024
"""How much is kept of what a relayed stream began with: there stands what the answer is called."""


class Said(NamedTuple):
    """What a stream has said so far, as far as its end depends on it: by an encoder, or by a relay."""

    encoder: StreamEncoder | None
    relayed: Relayed


def early_end(dialect: Dialect, request: CompletionRequest, stamp: Stamp, said: Said, usage: Usage | None) -> bytes:
    """The bytes that end a stream before its time, of which so much was said."""
    encoder = said.encoder or _encoder_of(dialect, request, stamp, said.relayed)
    last = [encoder.encode(Finished(FinishReason.CANCELLED, choice)) for choice in range(request.choices)]
    return b"".join((*last, encoder.encode(UsageSeen(usage or Usage())), encoder.end()))


def _encoder_of(dialect: Dialect, request: CompletionRequest, stamp: Stamp, relayed: Relayed) -> StreamEncoder:
    if not relayed.last or dialect.resumed is None:
        return dialect.stream_encoder(request, stamp)
    return dialect.resumed(request, stamp, relayed)
