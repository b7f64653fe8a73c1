"""Folds a question into the words that carry its meaning, so that two ways to say one thing look the same.

Lower case without accents; fixed expressions and synonyms become one word; words that every question has are dropped.
Stemming is left to the index. The words hold letters and digits alone, whatever the question held.
"""

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

LONGEST_QUESTION = 2_000
"""Characters of a question that are read; whoever pastes more has said what matters by then."""

DEFINING = "whatis"
"""The word for the frame "what is …": it tells "What is Docker?" from a question about running in it."""

_WORD = re.compile(r"[^\W_]+")
_IDENTIFIER = re.compile(r"\w*[^\W_]_[^\W_]\w*|(?<![\w-])x-[\w-]+")


class Folding:
    """The rules of `vocabulary.toml`, ready to be applied."""

    def __init__(self, vocabulary: str) -> None:
        rules = tomllib.loads(vocabulary)
        self.faint = frozenset(rules["faint"].split())
        self._dropped = frozenset(rules["dropped"].split())
        self._same = {variant: word for word, variants in rules["same"].items() for variant in variants.split()}
        self._expressions: defaultdict[str, list[tuple[list[str], list[str]]]] = defaultdict(list)
        for meaning, variants in rules["expressions"].items():
            for variant in variants.split(","):
                words = variant.split()
                self._expressions[words[0]].append((words, meaning.split()))
        for choices in self._expressions.values():
            choices.sort(key=lambda choice: -len(choice[0]))

    def fold(self, text: str) -> list[str]:
        """The meaningful words of a text, in order; then its identifiers whole, such as an error's code or a header."""
        line = _plain(text)
        words = _WORD.findall(line)
        folded = [DEFINING] if _is_defining(words) else []
        skipped = 0
        for at, word in enumerate(words):
            if skipped:
                skipped -= 1
                continue
            if word in self._expressions and (found := self._expression(words, at)):
                length, meaning = found
                folded += meaning
                skipped = length - 1
                continue
            word = self._same.get(word, word)
            if word not in self._dropped:
                folded.append(word)
        return [*folded, *("".join(_WORD.findall(name)) for name in _IDENTIFIER.findall(line))]

    def _expression(self, words: Sequence[str], at: int) -> tuple[int, Sequence[str]] | None:
        """The longest expression at a place: how many words it has, and what it means."""
        for expression, meaning in self._expressions[words[at]]:
            if words[at : at + len(expression)] == expression:
                return len(expression), meaning
        return None


def spelled(text: str) -> str:
    """A text without its punctuation, case and accents: equal for two that are read out the same."""
    return " ".join(_WORD.findall(_plain(text)))


def _is_defining(words: Sequence[str]) -> bool:
    """Whether a question asks what something is, or how it works as such."""
    match words:
        case (
            ["what", "is" | "are" | "s", *_] | ["whats" | "define" | "explain", *_] | ["how", "do" | "does", *_, "work"]
        ):
            return True
        case _:
            return False


def _plain(text: str) -> str:
    """The part of a text that is read, in lower case, with compatibility forms made ordinary and marks removed."""
    line = text[:LONGEST_QUESTION].lower()
    if line.isascii():
        return line
    return "".join(sign for sign in unicodedata.normalize("NFKD", line) if not unicodedata.combining(sign))
