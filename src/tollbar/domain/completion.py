"""A request for a completion: the few fields that routing and money need, and the caller's own bytes.

The body itself stays as it arrived, in `Source`: a provider of the same dialect is sent those bytes with only the model
replaced, so a field that we never heard of cannot get lost.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tollbar.domain.conversation import Conversation
from tollbar.domain.errand import Errand

_NOTHING: Mapping[str, bytes] = MappingProxyType({})


class Source(NamedTuple):
    """The body as the caller sent it: its dialect, its bytes, and where each top-level value lies in them.

    `expand` reads the conversation out of it; only a provider of another dialect calls it. `headers` are those few of
    the caller's that belong to the body: its dialect says which, and a provider of the same dialect is sent them.
    """

    wire: str
    raw: bytes
    spans: Mapping[str, tuple[int, int]]
    expand: Callable[[], Conversation]
    headers: tuple[tuple[str, str], ...] = ()


class Memory(NamedTuple):
    """What was said before a request, where that only names it by the id of a response.

    `provider` is the one that keeps that response, and can be sent the request as it came; None where there is none.
    `told` is the body that brings along all that was said, for other providers of the same dialect; it raises
    RequestError where that is not known.
    """

    provider: str | None
    told: Callable[[], bytes]


class CompletionRequest(NamedTuple):
    """What the gateway needs to know of a request before any provider sees it.

    `max_tokens` bounds the completion tokens of each of the `choices`; `features` are the capabilities that a target
    must have (`tools`, `images`, `audio`, `json_schema`, `logprobs`); `wants_usage` says that the caller asked for a
    usage report at the end of its stream. `prompt_bytes` is how much text the model is given, where that is not what
    `source` shows. `model` is empty where the address says which one it means. `echoed` are members of the body, as
    they came, that the caller's dialect repeats in its answer. `shows_thoughts` is false where the caller is not to be
    told what the model thought. With an `errand` it is no completion that is asked for. `memory` is what it goes on
    from, where it does not say that itself. `adds_limit` says that `max_tokens` is not in the body, and wants to be
    sent. `uploads` are the files it names that lie at a provider, which must be the caller's.
    """

    model: str
    source: Source
    stream: bool = False
    max_tokens: int | None = None
    choices: int = 1
    user: str | None = None
    wants_usage: bool = False
    features: frozenset[str] = frozenset()
    prompt_bytes: int | None = None
    echoed: Mapping[str, bytes] = _NOTHING
    errand: Errand | None = None
    memory: Memory | None = None
    shows_thoughts: bool = True
    adds_limit: bool = False
    uploads: tuple[str, ...] = ()

    def spent(self) -> "CompletionRequest":
        """The same without its source, once a provider has begun to answer: nobody will send it again."""
        return self._replace(source=SPENT, memory=None)


def _nothing() -> Conversation:
    raise RuntimeError("the source of a request is let go when its answer begins")


SPENT = Source("", b"", {}, _nothing)
