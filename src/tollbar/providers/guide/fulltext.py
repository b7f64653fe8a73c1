"""Full-text search in memory: SQLite's FTS5, for its Porter stemmer and its BM25 ranking.

Words go in already folded, so that no text of a caller is ever read as query syntax. Nothing is written to disk. It may
be built in one thread and used in another, but by one at a time.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

_TABLES = """
CREATE VIRTUAL TABLE passage USING fts5(title, phrasings, related, body, tokenize = 'porter unicode61');
CREATE VIRTUAL TABLE scratch USING fts5(words, tokenize = 'porter unicode61');
CREATE VIRTUAL TABLE scratch_word USING fts5vocab(scratch, instance);
"""
# The title says most in few words. Doubling any of these weights changed little.
_RANK = "SELECT rowid, -bm25(passage, 3.0, 2.0, 2.0, 2.0) FROM passage WHERE passage MATCH ?"


class FullText:
    """The passages, numbered from zero, and a place to stem words."""

    def __init__(self, passages: Iterable[tuple[str, str, str, str]]) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._database.executescript(_TABLES)
        self._database.executemany("INSERT INTO passage VALUES (?, ?, ?, ?)", passages)

    def stems(self, texts: Sequence[Sequence[str]]) -> list[list[str]]:
        """The stems of each text's words, in order."""
        stems: list[list[str]] = [[] for _ in texts]
        rows = ((number, " ".join(words)) for number, words in enumerate(texts))
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO scratch(rowid, words) VALUES (?, ?)", rows)
        for number, stem in self._database.execute("SELECT doc, term FROM scratch_word ORDER BY doc, offset"):
            stems[number].append(stem)
        self._database.execute("ROLLBACK")
        return stems

    def rank(self, words: Sequence[str]) -> Mapping[int, float]:
        """BM25 of the passages that hold any of the words; more is better."""
        if not words:
            return {}
        query = " OR ".join(f'"{word}"' for word in words)
        return {rowid - 1: rank for rowid, rank in self._database.execute(_RANK, (query,))}
