"""A model and how it fares: what its engine is to do, and when it may start again."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.providers.local.checkpoints import shelve_checkpoint
from tests.providers.local.making import shelve
from tollbar.domain.errors import EngineUnavailable
from tollbar.providers.local.memory import MEBIBYTE
from tollbar.providers.local.queue import FairQueue
from tollbar.providers.local.runner import LONGEST_PAUSE_SECONDS, Runner, order_of
from tollbar.providers.local.terms import Terms

TERMS = Terms(context_tokens=300, parallel=3, threads=2, memory_bytes=512 * MEBIBYTE)


def runner(directory: Path) -> Runner:
    """A runner of a small model."""
    return Runner(shelve(directory), FairQueue("tiny", 1, 1, lambda: 0.0))


def test_the_order_of_a_model(tmp_path: Path) -> None:
    """It follows the terms, with a key that nobody else has, and takes what the estimate says."""
    model = shelve(tmp_path, context=512)
    (order, needed), (another, _) = order_of(model, TERMS), order_of(model, TERMS)
    assert (order.name, order.path, order.is_embedding) == ("tiny", str(model.path), False)
    assert (order.context_tokens, order.parallel, order.threads, order.pools) == (300, 3, 2, False)
    assert len(order.key) > 40
    assert order.key != another.key
    assert model.size_bytes < needed < 128 * MEBIBYTE
    assert order_of(shelve(tmp_path, "e", kind="embedding"), TERMS)[0].is_embedding


def test_a_model_that_is_too_large_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    """With what it needs and why, what is allowed, and the settings that would help."""
    model = replace(shelve(tmp_path), size_bytes=5_000 * MEBIBYTE)
    with pytest.raises(EngineUnavailable, match=r"needs about 4.9 GiB: 4.9 GiB for its weights") as told:
        order_of(model, TERMS)
    assert "3 conversations of 300 tokens" in told.value.message
    assert "may take 512 MiB" in told.value.message
    assert all(f"local.{name}" in told.value.hint for name in ("memory_mib", "context_tokens", "parallel"))
    assert (told.value.status, told.value.is_retryable) == (503, False)


def test_safetensors_are_for_transformers(tmp_path: Path) -> None:
    """One conversation at a time; refused before they are loaded as others are."""
    model = shelve_checkpoint(tmp_path)
    order, needed = order_of(model, replace(TERMS, memory_bytes=1024 * MEBIBYTE))
    assert (order.format, order.path, order.context_tokens, order.parallel) == ("safetensors", str(model.path), 300, 1)
    assert 512 * MEBIBYTE < needed < 1024 * MEBIBYTE
    with pytest.raises(EngineUnavailable, match=r"1 conversation of 300 tokens .* may take 512 MiB here"):
        order_of(model, TERMS)


def test_weights_that_cannot_be_read(tmp_path: Path) -> None:
    """Gone, or damaged: pull them anew."""
    checkpoint = shelve_checkpoint(tmp_path, "whole")
    (checkpoint.path / "config.json").write_text("{")
    with pytest.raises(EngineUnavailable, match="no JSON"):
        order_of(checkpoint, TERMS)
    model = shelve(tmp_path)
    model.path.write_bytes(b"GGUFxx")
    with pytest.raises(EngineUnavailable, match="damaged") as told:
        order_of(model, TERMS)
    assert "tollbar pull tiny" in told.value.hint
    model.path.unlink()
    with pytest.raises(EngineUnavailable, match="cannot be read"):
        order_of(model, TERMS)


def test_it_waits_longer_and_longer_while_it_keeps_crashing(tmp_path: Path) -> None:
    """Not at all at first, then a second, two, four, never more than a minute; the reason is said meanwhile."""
    found, now, pauses = runner(tmp_path), 1_000.0, list[float]()
    for _ in range(10):
        found.failed(EngineUnavailable("It crashed.", hint="Help."), now)
        pauses.append(found.not_before - now)
    assert pauses == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, *[LONGEST_PAUSE_SECONDS] * 3]
    refusal = found.refusal(now + 30)
    assert refusal is not None
    assert (refusal.message, refusal.hint) == ("It crashed. It is tried again in 30 seconds.", "Help.")
    assert refusal.retry_after_seconds == 30.0
    assert found.refusal(now + 60) is None


def test_a_crash_after_a_good_while_is_the_first_of_a_row(tmp_path: Path) -> None:
    """So it may start again at once."""
    found = runner(tmp_path)
    for _ in range(5):
        found.failed(EngineUnavailable("It crashed."), 0.0)
    found.started_at = 100.0
    found.failed(EngineUnavailable("It crashed."), 200.0)
    assert (found.failures, found.not_before) == (1, 200.0)
