"""What is a knob of some models only, as each maker's models on Bedrock take it.

Converse has words of its own for what all models understand; the rest goes along as the model's own request fields.
Reference: the pages on inference parameters and on reasoning in the user guides of Bedrock and of Nova. A model whose
name tells nothing gets what all understand; what that leaves out is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.conversation import Conversation
from tollbar.wire.anthropic.knobs import sampling_of, thought_of
from tollbar.wire.anthropic.models import manner_of
from tollbar.wire.thinking import effort_of

HOTTEST = 1.0
_EFFORTS = {"minimal": "low", "xhigh": "high", "max": "high"}
"""Words of other makers, as the nearest that these models know."""
_WORDS = frozenset(("low", "medium", "high"))


class Remembers(Enum):
    """What a model can be told to remember, and what besides."""

    NOTHING = 0
    MESSAGES = 1
    TOOLS_TOO = 2


@dataclass(frozen=True, slots=True)
class Knobs:
    """The settings that all models understand, the model's own, and what it cannot be told.

    `effort` is how long to think where Converse itself says it; `answers` are the places in the model's own answer
    that are wanted beside Converse's; `remembers` says of what the model may be told to remember up to where.
    """

    inference: Mapping[str, Any]
    fields: Mapping[str, Any]
    dropped: tuple[str, ...] = ()
    effort: str | None = None
    answers: tuple[str, ...] = ()
    remembers: Remembers = Remembers.NOTHING


def knobs_of(request: CompletionRequest, conversation: Conversation, model: str, most_output: int | None) -> Knobs:
    """The knobs of a request for a model, by its name."""
    if "claude" in model:
        return _claude(request, conversation, model, most_output)
    if "nova" in model:
        return _nova(request, conversation, is_thinking="nova-2" in model)
    fields: dict[str, Any] = {}
    sampling = conversation.sampling
    dropped = [] if sampling.top_k is None else ["top_k"]
    if "mistral" in model and dropped:
        fields["top_k"], dropped = sampling.top_k, []
    effort = _effort(conversation)
    if effort in _WORDS and "gpt-oss" in model:
        fields["reasoning_effort"] = effort
    elif effort is not None:
        dropped.append("reasoning_effort")
    inference = _inference(request.max_tokens, sampling.temperature, sampling.top_p, sampling.stop)
    return Knobs(inference, fields, tuple(dropped))


def _claude(request: CompletionRequest, conversation: Conversation, model: str, most_output: int | None) -> Knobs:
    manner = manner_of(model)
    length = request.max_tokens if request.max_tokens is not None else most_output or manner.output_tokens
    thought = thought_of(conversation, manner, length)
    told, lost = sampling_of(conversation, manner, thought.is_on)
    fields = {name: value for name, value in thought.members.items() if name == "thinking"}
    if "top_k" in told:
        fields["top_k"] = told["top_k"]
    stop = conversation.sampling.stop
    inference = _inference(
        length if thought.is_on else request.max_tokens, told.get("temperature"), told.get("top_p"), stop
    )
    effort = thought.members.get("output_config", {}).get("effort")
    answers = ("/stop_sequence",) if stop else ()
    return Knobs(inference, fields, (*thought.dropped, *lost), effort, answers, Remembers.TOOLS_TOO)


def _nova(request: CompletionRequest, conversation: Conversation, is_thinking: bool) -> Knobs:
    """Amazon's own. Who thinks for long may not be told when to stop, nor how words are chosen."""
    sampling = conversation.sampling
    fields: dict[str, Any] = {}
    dropped: list[str] = []
    length, temperature, top_p = request.max_tokens, sampling.temperature, sampling.top_p
    effort = _effort(conversation)
    if effort is not None and not is_thinking:
        dropped.append("reasoning_effort")
    elif effort == "none":
        fields["reasoningConfig"] = {"type": "disabled"}
    elif effort in _WORDS:
        effort = "medium" if effort == "high" and length is not None else effort
        fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": effort}
        if effort == "high":
            told = {"temperature": temperature, "top_p": top_p}
            dropped += [name for name, value in told.items() if value is not None]
            temperature = top_p = None
    elif effort is not None:
        dropped.append("reasoning_effort")
    if sampling.top_k is not None:
        fields["inferenceConfig"] = {"topK": sampling.top_k}
    inference = _inference(length, temperature, top_p, sampling.stop)
    return Knobs(inference, fields, tuple(dropped), remembers=Remembers.MESSAGES)


def _effort(conversation: Conversation) -> str | None:
    """How long to think, as a word."""
    if conversation.effort is not None:
        return _EFFORTS.get(conversation.effort, conversation.effort)
    return None if conversation.thinking_tokens is None else effort_of(conversation.thinking_tokens)


def _inference(
    length: int | None, temperature: float | None, top_p: float | None, stop: tuple[str, ...]
) -> dict[str, Any]:
    told = {
        "maxTokens": length,
        "temperature": None if temperature is None else min(temperature, HOTTEST),
        "topP": top_p,
        "stopSequences": list(stop) or None,
    }
    return {name: value for name, value in told.items() if value is not None}
