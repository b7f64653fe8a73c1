"""`ports.Tokenizer` for OpenAI's models: what they would be sent, counted by the child."""

from collections.abc import Awaitable, Callable, Set

from tollbar.domain.catalogue import Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import RequestError
from tollbar.domain.usage import Tally
from tollbar.wire.openai_chat.asking import asking
from tollbar.wire.openai_chat.request import WIRE

VENDORS = frozenset({"openai", "azure", "azure-deployments"})
"""Whose models' names tell their vocabulary."""
FAMILIES = ("gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "gpt-oss", "chatgpt-", "o1", "o3", "o4")
"""The beginnings of the names of models with this vocabulary, which GPT-4 and what is older do not have."""
MOST_BYTES = 1024 * 1024
"""Of a request that is counted: half a second of the child's time at the worst."""


class OpenAITokenizer:
    """Counts for the models of some providers; `count` tells what a chat completion request holds."""

    def __init__(self, providers: Set[str], count: Callable[[bytes], Awaitable[Tally | None]]) -> None:
        self._providers = providers
        self._count = count

    async def tally(self, request: CompletionRequest, target: Target) -> Tally | None:
        """What a target's model would read; see the port."""
        if target.provider not in self._providers or not target.model.removeprefix("ft:").startswith(FAMILIES):
            return None
        if request.errand is not None or len(request.source.raw) > MOST_BYTES:
            return None
        try:
            body = _chat(request, target.model)
        except RequestError:  # it holds what a chat has no word for
            return None
        return await self._count(body) if len(body) <= MOST_BYTES else None


def _chat(request: CompletionRequest, model: str) -> bytes:
    """The request as a chat completion's: as it came, or translated."""
    return request.source.raw if request.source.wire == WIRE else asking(request, model, False).body
