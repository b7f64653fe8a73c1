"""What a name tells of a model."""

import pytest

from tollbar.wire.anthropic.models import Manner, manner_of


@pytest.mark.parametrize(
    ("name", "manner"),
    [
        ("MiniMax-M2", Manner()),
        ("claude-3-haiku-20240307", Manner(output_tokens=4_096)),
        ("claude-3-opus-latest", Manner(output_tokens=4_096)),
        ("claude-3-5-sonnet-20241022", Manner(output_tokens=8_192)),
        ("claude-3-7-sonnet-latest", Manner(output_tokens=32_000)),
        ("claude-opus-4-20250514", Manner(output_tokens=32_000)),
        ("claude-sonnet-4-5-20250929", Manner(output_tokens=32_000)),
        ("claude-sonnet-4-6", Manner(is_adaptive=True, output_tokens=32_000)),
        ("claude-opus-4-7", Manner(is_adaptive=True, takes_sampling=False, output_tokens=32_000)),
        ("claude-sonnet-5", Manner(is_adaptive=True, takes_sampling=False, output_tokens=32_000)),
        ("claude-mythos-preview", Manner(is_adaptive=True, takes_sampling=False, output_tokens=32_000)),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", Manner(output_tokens=32_000)),
    ],
)
def test_generations_are_told_apart(name: str, manner: Manner) -> None:
    """By the number in the name; a date is none."""
    assert manner_of(name) == manner
