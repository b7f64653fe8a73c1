"""The usual rules are those that the five systems had."""

from tollbar.wire.simple.rules import USUAL_RULES, Manner, SimpleRules


def test_the_usual_rules() -> None:
    """What is sent where a request says nothing, and what it may say."""
    assert (
        SimpleRules(
            max_characters=1_000,
            system_prompt="",
            cloud=Manner(temperature=0.7, top_p=None, tokens=1_000, most_tokens=16_384),
            local=Manner(temperature=0.0, top_p=0.9, tokens=500, most_tokens=2_000),
        )
        == USUAL_RULES
    )
