"""Keys that were pasted where a name belongs."""

import pytest

from tollbar.domain.identity import assemble
from tollbar.domain.redaction import holds_key, masked

OURS = assemble("abcdefghij", "S" * 28)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OURS, "sk-toll-***"),
        (f"openai/{OURS}", "openai/sk-toll-***"),
        (f" {OURS}, please", " sk-toll-***, please"),
        ("sk-proj-" + "aB3_" * 20, "sk-***"),
        ("sk-ant-api03-" + "x" * 90, "sk-***"),
        ("gsk_" + "y" * 52, "gsk_***"),
        ("hf_" + "z" * 34, "hf_***"),
        ("xai-" + "w" * 80, "xai-***"),
        ("AIza" + "v" * 35, "AIza***"),
    ],
)
def test_what_looks_like_a_key_is_masked(text: str, expected: str) -> None:
    """Ours and those of vendors, alone or inside something else; masking twice changes nothing."""
    assert holds_key(text)
    assert masked(text) == masked(expected) == expected
    assert not holds_key(expected)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "gpt-4o",
            "openai/gpt-4o-mini",
            "groq/llama-3.3-70b-versatile",
            "deepseek-r1:1.5b",
            "task-assistant-model-8b",
        ),
        *("huggingface/meta-llama/Llama-3.1-8B-Instruct", "ask-me-anything-large-v2", "sk-small", "", "hf_tiny"),
    ],
)
def test_names_of_models_are_left_alone(name: str) -> None:
    """However they begin."""
    assert not holds_key(name)
    assert masked(name) == name
