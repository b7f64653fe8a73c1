"""How long a model may think, in the two ways in which dialects say it: a word, or a count of tokens.

The counts are those by which Google translates OpenAI's words for its own models (Gemini API, OpenAI compatibility).
"""

TOKENS = {"none": 0, "minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576}


def tokens_of(effort: str) -> int | None:
    """The count for a word; None for one that nobody here knows."""
    return TOKENS.get(effort)


def effort_of(tokens: int) -> str:
    """The least word that allows so many tokens, `high` for any count beyond."""
    if tokens <= 0:
        return "none"
    return next((word for word in ("low", "medium") if tokens <= TOKENS[word]), "high")
