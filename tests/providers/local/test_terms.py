"""How models are run, as plain values."""

from dataclasses import replace
from pathlib import Path

from tollbar.domain.local_models import LocalModel
from tollbar.providers.local.terms import Terms, usable_cores


def made_for(context_tokens: int | None) -> LocalModel:
    """A model."""
    return LocalModel("m", "chat", "gguf", Path("m"), 1, context_tokens, "", "", "", "")


def test_a_call_is_as_long_as_both_allow() -> None:
    """The setting bounds what the model was made for, and where nobody knows that, it stands alone."""
    terms = Terms(context_tokens=1_000)
    assert [terms.context_of(made_for(tokens)) for tokens in (500, 2_000, None)] == [500, 1_000, 1_000]


def test_calls_at_once() -> None:
    """As many as were set, though Transformers makes one answer after the other."""
    model = made_for(500)
    terms = Terms(parallel=3)
    assert (terms.parallel_of(model), terms.parallel_of(replace(model, format="safetensors"))) == (3, 1)


def test_threads() -> None:
    """As many as were set, or one for each core."""
    assert Terms(threads=3).cores == 3
    assert Terms().cores == usable_cores() >= 1
