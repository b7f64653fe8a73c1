"""The vocabulary that comes along is tiktoken's, and texts are the tokens that another implementation counts."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from tiktoken_ext import openai_public

from tollbar.providers.tokens.vocabulary import PATTERN, SPECIAL, counter, unpacked

# What js-tiktoken 1.0.21 counts: the same vocabulary, and a code of its own.
COUNTED = (
    ("", 0),
    (" ", 1),
    ("Hello, world!", 4),
    ("tiktoken is great!", 6),
    ("antidisestablishmentarianism", 6),
    ("2 + 2 = 4", 7),
    ("お誕生日おめでとう", 8),
    ("I'LL they've WE'D don't it's", 8),
    ("    def f(x):\n\treturn x ** 2  # Grüße\r\n\r\n\n", 15),
    ("1234567890 3.14159 1,000,000", 15),
    ("👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 🇨🇭 e\u0301 é", 25),
    ("Привет, мир! Съешь ещё этих мягких французских булок.", 17),
    ("مرحبا بالعالم", 4),
    ("नमस्ते दुनिया", 5),
    ("한국어 텍스트입니다", 6),
    ("漢字かな交じり文と、中文标点。", 13),
    ("https://example.com/a/b?c=d&e=%20f#g", 14),
    ('{"a": [1, 2, {"b": null}], "c": "\\u00e9"}', 23),
    ("CamelCaseHTTPServer snake_case_name kebab-case-name", 11),
    ("<|endoftext|> <|im_start|>", 13),
    ("a" * 1_000, 125),
    ("ab " * 300, 301),
    ("\x00\x01\ufeff\u200b\u202e", 5),
    ("ＦＵＬＬ\u3000ｗｉｄｔｈ ﬁ ﬂ Ǆ ǅ ǆ", 29),
    ("∑∫√ ≠ ≤ → ⇒ ½ ² ₃", 17),
    ("\n\n\n   \n\t\t x", 4),
    ("\ud800 lone", 2),
)


@pytest.fixture(scope="module")
def length() -> Callable[[str], int]:
    """What counts."""
    return counter()


@pytest.mark.parametrize(("text", "tokens"), COUNTED)
def test_a_text_is_as_many_tokens_as_elsewhere(length: Callable[[str], int], text: str, tokens: int) -> None:
    """In every script, with code, spaces, marks that join, and names of special tokens, which are words here."""
    assert length(text) == tokens


def test_it_is_what_tiktoken_would_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file to its last byte, and how texts are cut into words."""
    fetched: list[Any] = []
    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", lambda url, expected_hash: fetched.append(expected_hash))
    theirs = openai_public.o200k_base()
    assert fetched == [hashlib.sha256(unpacked()).hexdigest()]
    assert (theirs["name"], theirs["pat_str"], theirs["special_tokens"]) == ("o200k_base", PATTERN, SPECIAL)
