"""The knobs of Anthropic's models: how long to think, and how words are chosen, as each generation may be told.

They are the same wherever these models run, behind whichever wire.
"""

from typing import Any, NamedTuple

from tollbar.domain.conversation import Calling, Conversation, NamedTool
from tollbar.domain.messages import Role, ThinkingPart, ToolCallPart, ToolResultPart
from tollbar.wire.anthropic.blocks import is_said
from tollbar.wire.anthropic.models import Manner
from tollbar.wire.thinking import effort_of, tokens_of

LEAST_BUDGET = 1_024
"""Fewer tokens to think with are refused."""
MOST_BUDGET = 32_768
"""What a word for long thoughts that has no count of its own is taken for."""
HOTTEST = 1.0
_EFFORTS = {"minimal": "low"}


class Thought(NamedTuple):
    """How the model is told to think: the members of the request, and whether it does."""

    members: dict[str, Any]
    is_on: bool = False
    dropped: tuple[str, ...] = ()


def thought_of(conversation: Conversation, manner: Manner, length: int) -> Thought:
    """How such a model is told to think, as the conversation wishes, in an answer of a length."""
    effort, tokens = conversation.effort, conversation.thinking_tokens
    if effort is None and tokens is None:
        return Thought({})
    if effort == "none" or (effort is None and tokens == 0):
        return Thought({"thinking": {"type": "disabled"}})
    if _is_forced(conversation):  # a call that must come leaves no room for thoughts
        return Thought({}, dropped=("reasoning_effort",))
    if not manner.is_adaptive and _goes_on_unproven(conversation):  # which is refused
        return Thought({}, dropped=("reasoning_effort",))
    if manner.is_adaptive:
        word = effort or effort_of(tokens or 0)
        config = {"effort": _EFFORTS.get(word, word)}
        return Thought({"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": config}, True)
    budget = tokens or tokens_of(effort or "")
    budget = min(max(MOST_BUDGET if budget is None else budget, LEAST_BUDGET), length - 1)
    if budget < LEAST_BUDGET:
        return Thought({}, dropped=("reasoning_effort",))
    return Thought({"thinking": {"type": "enabled", "budget_tokens": budget}}, True)


def _goes_on_unproven(conversation: Conversation) -> bool:
    """Whether the model is to go on from a call of a tool that no proven thought stands before."""
    for message in reversed(conversation.messages):
        if message.role is Role.ASSISTANT:
            said = [part for part in message.parts if is_said(part)]
            return any(isinstance(part, ToolCallPart) for part in said) and not isinstance(said[0], ThinkingPart)
        if message.role is Role.USER and not any(isinstance(part, ToolResultPart) for part in message.parts):
            return False
    return False


def _is_forced(conversation: Conversation) -> bool:
    choice = conversation.tool_choice
    return bool(conversation.tools) and (choice is Calling.REQUIRED or isinstance(choice, NamedTool))


def sampling_of(conversation: Conversation, manner: Manner, is_thinking: bool) -> tuple[dict[str, Any], list[str]]:
    """How words are chosen, as far as the model may be told, and what it may not be."""
    sampling = conversation.sampling
    told = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    told = {name: value for name, value in told.items() if value is not None}
    if not manner.takes_sampling or is_thinking:
        return {}, list(told)
    lost: list[str] = []
    temperature = told.get("temperature")
    if temperature is not None and temperature > HOTTEST:
        told["temperature"] = HOTTEST
    if temperature is not None and "top_p" in told:  # newer models refuse both at once
        del told["top_p"]
        lost.append("top_p")
    return told, lost
