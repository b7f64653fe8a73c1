"""What looks like a key, wherever somebody pasted it: it is neither stored nor sent on.

By the beginnings their issuers give them: ours and OpenAI's, Groq's, Hugging Face's, xAI's, Google's, and tokens of
JSON. A name of sixteen letters and more behind one of them is no model's. The log is cleaned on its own, in `logs`.
"""

import re

MASK = "***"
_KEY = re.compile(r"(?<![A-Za-z0-9])(sk-toll-|g?sk[-_]|hf_|xai-|AIza|eyJ)[A-Za-z0-9_-]{16,}")


def holds_key(text: str) -> bool:
    """Whether something in a text looks like a key."""
    return _KEY.search(text) is not None


def masked(text: str) -> str:
    """The text with nothing but the beginning of what looks like a key."""
    return _KEY.sub(rf"\1{MASK}", text)
