"""The vocabulary that comes along is tiktoken's. What is counted with it, the tests of the child hold."""

import hashlib
from typing import Any

import pytest
from tiktoken_ext import openai_public

from tollbar.providers.tokens.vocabulary import PATTERN, SPECIAL, unpacked


def test_it_is_what_tiktoken_would_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file to its last byte, and how texts are cut into words."""
    fetched: list[Any] = []
    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", lambda url, expected_hash: fetched.append(expected_hash))
    theirs = openai_public.o200k_base()
    assert fetched == [hashlib.sha256(unpacked()).hexdigest()]
    assert (theirs["name"], theirs["pat_str"], theirs["special_tokens"]) == ("o200k_base", PATTERN, SPECIAL)
