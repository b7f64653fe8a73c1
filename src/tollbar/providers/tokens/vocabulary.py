"""`o200k_base`, the vocabulary of OpenAI's models since GPT-4o, as a file of this package: nothing is ever fetched.

Unpacked it takes some 80 MB, and making it ready most of a second of processor time: only the child does it.
"""

import base64
import lzma
from collections.abc import Callable
from importlib import resources

FILE = "o200k_base.xz"
SPECIAL = {"<|endoftext|>": 199_999, "<|endofprompt|>": 200_018}
_ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
PATTERN = "|".join(
    (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_ENDINGS}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_ENDINGS}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
"""How a text is cut into words, each of which is tokens of its own."""


def unpacked() -> bytes:
    """The file as tiktoken knows it: a line for each token, in base64, with its rank."""
    return lzma.decompress(resources.files("tollbar.providers.tokens").joinpath(FILE).read_bytes())


def counter() -> Callable[[str], int]:
    """What tells how many tokens a text is. The names of special tokens are words like any other."""
    from tiktoken import Encoding

    pairs = (line.split() for line in unpacked().splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    encoding = Encoding("o200k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=SPECIAL)
    return lambda text: len(encoding.encode_ordinary(text))
