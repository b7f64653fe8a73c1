"""What the simple endpoints accept, and what they add where a request says nothing. Nothing is added anywhere else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manner:
    """How one kind of model is asked: the defaults, and the most tokens that a caller may ask for."""

    temperature: float
    top_p: float | None
    tokens: int
    most_tokens: int


@dataclass(frozen=True, slots=True)
class SimpleRules:
    """The rules of every simple endpoint; lengths are in characters, `system_prompt` is empty for none."""

    max_characters: int = 1_000
    system_prompt: str = ""
    cloud: Manner = Manner(temperature=0.7, top_p=None, tokens=1_000, most_tokens=16_384)
    local: Manner = Manner(temperature=0.0, top_p=0.9, tokens=500, most_tokens=2_000)


USUAL_RULES = SimpleRules()
"""The rules that hold when nothing is set."""
