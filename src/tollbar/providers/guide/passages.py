"""Reads the documentation into passages: one for each `##` section, with the ways in which people ask for it.

A page for users has a file of phrasings; each phrasing belongs to the section that its heading names. A page without
one, made from tables or for developers, is found by its own sentences, the rows of its tables, and what `others.md` has
for its sections. What is read is part of the package, so a fault in it is a mistake of ours, and the tests find it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_ELSEWHERE_FILE = "elsewhere"
_OTHERS_FILE = "others"
_RELATED = "Related: "

_SENTENCE = re.compile(r"(?<=[.:?!])\s+")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"\]\([^)]*\)")
_MOST_ROW_WORDS = 60
_LEAST_SENTENCE_WORDS = 3


@dataclass(frozen=True, slots=True)
class Passage:
    """One section of a page: what it says, questions that it answers, and more words that such questions may hold."""

    page: str
    section: str
    title: str
    body: str
    phrasings: tuple[str, ...]
    related: str = ""

    @property
    def name(self) -> str:
        """`page#section`, as in a link to it."""
        return f"{self.page}#{self.section}"


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that the guide knows: the passages, and samples of what it must not answer."""

    passages: tuple[Passage, ...]
    elsewhere: tuple[str, ...]


def packaged_documents() -> Traversable:
    """The folder of pages: inside the installed package, or `docs/` of the clone that this code runs from."""
    installed = files("tollbar") / "documentation"
    return installed if installed.is_dir() else Path(__file__).parents[4] / "docs"


def packaged_phrasings() -> Traversable:
    """The folder of phrasings, one file for each page."""
    return files("tollbar.providers.guide") / "phrasings"


def read_library(documents: Traversable, phrasings: Traversable) -> Library:
    """The library of the two folders; raises ValueError for a phrasing without a section."""
    asked = {entry.name.removesuffix(".md"): _read_sections(entry) for entry in phrasings.iterdir()}
    elsewhere = asked.pop(_ELSEWHERE_FILE, {})
    others = asked.pop(_OTHERS_FILE, {})
    pages = {entry.name.removesuffix(".md") for entry in documents.iterdir() if entry.name.endswith(".md")}
    passages: list[Passage] = []
    for page in [*sorted(asked), *sorted(pages - asked.keys())]:
        document = documents / f"{page}.md"
        passages += _read_page(page, document, asked[page]) if page in asked else _read_unasked(page, document, others)
    if strangers := sorted(others.keys() - {passage.name for passage in passages}):
        raise ValueError(f"there is no section {', '.join(strangers)}, for which there are phrasings")
    return Library(tuple(passages), tuple(line for text in elsewhere.values() for line in _lines(text)))


def slug(title: str) -> str:
    """The name that a heading gets in links, by the rule of the usual Markdown viewers."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _read_page(page: str, document: Traversable, asked: Mapping[str, str]) -> Iterator[Passage]:
    sections = _read_sections(document)
    known = {slug(title) for title in sections}
    if strangers := sorted(asked.keys() - known):
        raise ValueError(f"{page}.md has no section {', '.join(strangers)}, for which there are phrasings")
    for title, body in sections.items():
        phrasings, related = _read_asked(asked.get(slug(title), ""))
        yield Passage(page, slug(title), title, body, phrasings, related)


def _read_unasked(page: str, document: Traversable, others: Mapping[str, str]) -> Iterator[Passage]:
    """The passages of a page without a file of phrasings, its introduction among them."""
    for title, text in _read_sections(document, with_introduction=True).items():
        body = _COMMENT.sub("", text).strip()
        name = "" if title.startswith("# ") else slug(title)
        if body:
            phrasings, related = _read_asked(others.get(f"{page}#{name}", ""))
            samples = (*phrasings, *_own_words(body))
            yield Passage(page, name, title.removeprefix("# "), body, samples, f"{page} {related}".strip())


def _read_asked(text: str) -> tuple[tuple[str, ...], str]:
    """The phrasings of a section, and the related words."""
    lines = _lines(text)
    related = [line.removeprefix(_RELATED) for line in lines if line.startswith(_RELATED)]
    return tuple(line for line in lines if not line.startswith(_RELATED)), " ".join(related)


def _own_words(body: str) -> Iterator[str]:
    """The sentences of a text and the rows of its tables, each once."""
    lines = _LINK.sub("", body).splitlines()
    rows = [line.replace("|", " ") for line in lines if line.startswith("|") and "--" not in line]
    prose = " ".join(line for line in lines if not line.startswith("|"))
    for sample in dict.fromkeys([*_SENTENCE.split(prose), *rows]):
        if len(sample.split()) >= _LEAST_SENTENCE_WORDS:
            yield " ".join(sample.split()[:_MOST_ROW_WORDS])


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def _read_sections(entry: Traversable, *, with_introduction: bool = False) -> dict[str, str]:
    """The `##` sections of a Markdown file by their titles; lines inside a fenced block are no headings."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    is_fenced = False
    for line in entry.read_text(encoding="utf-8").splitlines():
        is_fenced ^= line.startswith("```")
        if line.startswith("# ") and not is_fenced and with_introduction:
            lines = sections.setdefault(line.strip(), [])
        elif line.startswith("## ") and not is_fenced:
            lines = sections.setdefault(line.removeprefix("## ").strip(), [])
        else:
            lines.append(line)
    return {title: "\n".join(body).strip() for title, body in sections.items()}
