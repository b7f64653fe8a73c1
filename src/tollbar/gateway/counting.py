"""How many tokens a request has, without having it answered: free, and counted in the rates like any call.

The provider is asked where it can count and speaks the caller's dialect. Every other request, and one whose provider
does not answer, is counted here where the model's vocabulary is at hand, and else gets the estimate by which calls are
admitted. Nothing of it runs on the path of a call.
"""

from enum import StrEnum
from typing import NamedTuple

from tollbar.domain.catalogue import Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import UpstreamError, UpstreamRejected
from tollbar.gateway.completions import Gateway
from tollbar.gateway.estimate import TOKENS_PER_LINKED_IMAGE, prompt_bytes, tokens_of
from tollbar.gateway.resolve import resolve
from tollbar.gateway.visit import Visit
from tollbar.ports.providers import TokenCounter


class CountedBy(StrEnum):
    """Who counted."""

    PROVIDER = "provider"
    TOKENIZER = "tokenizer"
    ESTIMATE = "estimate"


class Counted(NamedTuple):
    """The tokens of a request, and who says so."""

    tokens: int
    by: CountedBy


async def count(gateway: Gateway, visit: Visit, request: CompletionRequest) -> Counted:
    """The tokens that the first target of the request's model would read.

    Raises what resolving raises, and UpstreamRejected when the provider finds the request wrong.
    """
    visit.request = request
    plan = resolve(request.model, request.features, visit.principal, gateway.catalogue, gateway.health.is_up)
    visit.plan = plan
    target = plan.targets[0]
    provider = gateway.attempts.provider(target)
    if isinstance(provider, TokenCounter) and provider.counts_for(request.source.wire):
        try:
            return Counted(await provider.count(gateway.attempts.call(request, target, visit)), CountedBy.PROVIDER)
        except UpstreamRejected:
            raise
        except UpstreamError:
            pass  # it is away or does not count: an estimate is better than nothing
    return await count_here(gateway, request, target)


async def count_here(gateway: Gateway, request: CompletionRequest, target: Target) -> Counted:
    """The same without asking a provider. What holds pictures is an estimate, though its words are counted."""
    found = None if gateway.tokenizer is None else await gateway.tokenizer.tally(request, target)
    if found is None:
        return Counted(tokens_of(prompt_bytes(request)), CountedBy.ESTIMATE)
    tokens = found.tokens + found.pictures * TOKENS_PER_LINKED_IMAGE
    return Counted(tokens, CountedBy.ESTIMATE if found.pictures else CountedBy.TOKENIZER)
