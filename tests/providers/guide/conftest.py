"""The packaged library, index and questions, read once."""

from pathlib import Path

import pytest

from tollbar.providers.guide.index import GuideIndex
from tollbar.providers.guide.passages import Library, Passage, packaged_documents, packaged_phrasings, read_library
from tollbar.providers.guide.provider import packaged_index

HERE = Path(__file__).parent
# Made from the tables of the code, or for those who change the code: they have no phrasings.
OTHER_PAGES = {
    *("configuration", "endpoints", "errors", "metrics", "journey", "extending", "performance", "promises"),
    "conformance",
}


@pytest.fixture(scope="session")
def library() -> Library:
    """The passages as the guide reads them."""
    return read_library(packaged_documents(), packaged_phrasings())


@pytest.fixture(scope="session")
def for_users(library: Library) -> list[Passage]:
    """The passages of the pages for users, which have phrasings."""
    return [passage for passage in library.passages if passage.page not in OTHER_PAGES]


@pytest.fixture(scope="session")
def index() -> GuideIndex:
    """The index as the guide builds it."""
    return packaged_index()


@pytest.fixture(scope="session")
def on_topic() -> list[tuple[str, str]]:
    """Questions about Tollbar, each with the name of the passage that answers it."""
    questions: list[tuple[str, str]] = []
    name = ""
    for line in _lines("on_topic.md"):
        if line.startswith("## "):
            name = line.removeprefix("## ")
        elif name:
            questions.append((name, line))
    return questions


@pytest.fixture(scope="session")
def off_topic() -> list[str]:
    """Questions about anything else."""
    lines = _lines("off_topic.md")
    return lines[lines.index("## Questions") + 1 :]


def _lines(name: str) -> list[str]:
    return [line for line in (HERE / name).read_text(encoding="utf-8").splitlines() if line]
