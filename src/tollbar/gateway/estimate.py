"""Request + plan → Bounds: what the call may use at the most, and what it uses as expected, before it is sent.

A token is at least one byte of text in every byte-level vocabulary, so the bytes of the prompt bound its tokens; four
bytes a token is the usual rule of thumb for English text. The most over *all* targets is held, so that a fallback to a
dearer model needs no second reservation.
"""

from collections.abc import Sequence

from tollbar.domain.catalogue import Plan, Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errand import Errand
from tollbar.domain.errors import ContextTooLarge
from tollbar.domain.limits import Bounds
from tollbar.domain.money import PriceCard, credit_price, expected, most

BYTES_PER_TOKEN = 4
UNKNOWN_OUTPUT_TOKENS = 32_768
EXPECTED_OUTPUT_TOKENS = 1_024
TOKENS_PER_LINKED_IMAGE = 4_096
WIDEST_BYTES_PER_TOKEN = 16
_Held = tuple[int, int, int | None, int | None]
"""Tokens at the most and as expected, then nano-dollars."""
UNMEASURED = frozenset({"images", "audio", "files"})
PROMPT_MEMBERS = frozenset(
    {
        *("messages", "tools", "response_format", "functions", "system", "output_config"),
        *("input", "instructions", "prompt"),
        *("contents", "systemInstruction", "system_instruction"),
        *("generateContentRequest", "generate_content_request"),
    }
)


def estimate(
    request: CompletionRequest, plan: Plan, credit_cost: int, usual: int | None = None, counted: int | None = None
) -> Bounds:
    """The bounds of a call; raises ContextTooLarge when no target's context can hold the prompt.

    `usual` is how long its answers usually are at the most, and `counted` the tokens of its prompt, where they are
    known: they say what is expected, no more.
    """
    size = prompt_bytes(request)
    _check_context(request, plan, size)
    prompt = tokens_of(size) if counted is None else min(counted, size)
    held = [_of_target(request, target, (prompt, size), usual) for target in plan.targets]
    most_tokens, expected_tokens, dearest, cost = held[0] if len(held) == 1 else _highest(held)
    return Bounds(prompt, most_tokens, expected_tokens, dearest, cost, credit_price(credit_cost, plan.model.multiplier))


def _of_target(request: CompletionRequest, target: Target, sizes: tuple[int, int], usual: int | None) -> _Held:
    context, choices, card = target.context_tokens, request.choices, target.card
    prompt, size = sizes
    prompt_most = prompt if context is not None and context < prompt else min(size, context or size)
    output_most = _output_limit(request, target) * choices
    output = min(output_most, EXPECTED_OUTPUT_TOKENS * choices if usual is None else usual)
    if card is None or (request.errand is not None and not _is_told_in_tokens(request.errand, card)):
        return prompt_most + output_most, prompt + output, None, None
    dearest = most(prompt_most, output_most, card)
    return prompt_most + output_most, prompt + output, dearest, expected(prompt, output, card)


def _is_told_in_tokens(errand: Errand, card: PriceCard) -> bool:
    """Whether the price can be known beforehand: not of an errand of which nothing is known but that it is one call."""
    return errand.embedding is not None or card.is_flat


def _highest(held: Sequence[_Held]) -> _Held:
    """The most over all targets; a price that is unknown makes the whole unknown."""
    most_tokens, expected_tokens, dearest, costs = zip(*held, strict=True)
    if None in dearest:
        return max(most_tokens), max(expected_tokens), None, None
    return max(most_tokens), max(expected_tokens), max(dearest), max(costs)


def tokens_of(size_bytes: int) -> int:
    """The tokens that so many bytes of text are expected to be."""
    return -(-size_bytes // BYTES_PER_TOKEN)


def prompt_bytes(request: CompletionRequest) -> int:
    """How much text the model is given."""
    if request.prompt_bytes is not None:
        return request.prompt_bytes
    spans = request.source.spans
    size = 0
    for name in PROMPT_MEMBERS & spans.keys():
        start, end = spans[name]
        size += end - start
    return size + TOKENS_PER_LINKED_IMAGE if "images" in request.features else size


def _output_limit(request: CompletionRequest, target: Target) -> int:
    cap = target.max_output_tokens or target.context_tokens or UNKNOWN_OUTPUT_TOKENS
    return min(request.max_tokens, cap) if request.max_tokens is not None else cap


def longest_answer(request: CompletionRequest, plan: Plan) -> int:
    """The most tokens that a choice of the answer can have, over all targets."""
    return max(_output_limit(request, target) for target in plan.targets)


def _check_context(request: CompletionRequest, plan: Plan, size: int) -> None:
    """Refuses only what cannot fit even if its tokens were as wide as they come; a provider counts exactly."""
    if not request.features.isdisjoint(UNMEASURED):
        return
    widest = 0
    for target in plan.targets:
        context = target.context_tokens
        if not context or size <= context * WIDEST_BYTES_PER_TOKEN:
            return
        widest = max(widest, context)
    raise ContextTooLarge(
        f"The prompt of {size} bytes cannot fit into the context of {widest} tokens.", field="messages"
    )
