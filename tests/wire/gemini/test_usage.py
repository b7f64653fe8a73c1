"""Google's counts are read as ours, and ours written as Google's."""

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.usage import MOST_TOKENS, Usage
from tollbar.wire.gemini.usage import read_usage, usage_metadata


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}, Usage(10, 5)),
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 7, "totalTokenCount": 22},
            Usage(10, 12, reasoning_tokens=7),
        ),
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 12, "thoughtsTokenCount": 7, "totalTokenCount": 22},
            Usage(10, 12, reasoning_tokens=7),
        ),
        (
            {
                "promptTokenCount": 10,
                "toolUsePromptTokenCount": 248,
                "candidatesTokenCount": 29,
                "thoughtsTokenCount": 140,
                "totalTokenCount": 427,
                "cachedContentTokenCount": 4,
                "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}, {"modality": "TEXT", "tokenCount": 7}],
                "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}],
            },
            Usage(258, 169, 4, 0, 140, 3, 2),
        ),
        ({"promptTokenCount": -5, "candidatesTokenCount": "x", "promptTokensDetails": 5}, Usage()),
        ({"promptTokenCount": 10**20}, Usage(MOST_TOKENS)),
    ],
)
def test_a_report_is_read(told: dict[str, object], usage: Usage) -> None:
    """Thoughts are part of the answer, and what tools read is part of the prompt; impossible figures are mended."""
    assert read_usage(told) == usage


@given(st.tuples(*[st.integers(0, 9)] * 6))
def test_what_is_written_is_read(counts: tuple[int, ...]) -> None:
    """Each kind, and Google's own type reads it."""
    prompt, answer, cached, thoughts, heard, spoken = counts
    usage = Usage(prompt + cached + heard, answer + thoughts + spoken, cached, 0, thoughts, heard, spoken)
    told = usage_metadata(usage)
    assert read_usage(told) == usage
    assert types.GenerateContentResponseUsageMetadata.model_validate(told).total_token_count == usage.total_tokens
