"""The documentation as passages, and the rules that keep it findable."""

from pathlib import Path

import pytest

from tollbar.providers.guide.answer import INTRODUCTION
from tollbar.providers.guide.passages import Library, Passage, packaged_documents, read_library, slug
from tollbar.providers.guide.words import spelled

MOST_WORDS = 180
MOST_BYTES = 1_000
LEAST_PHRASINGS = 15


def write(folder: Path, name: str, text: str) -> Path:
    """Writes a file and returns its folder."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_page_is_read_by_its_sections(tmp_path: Path) -> None:
    """Each section is a passage with its phrasings and related words; headings inside a fenced block are text."""
    documents = write(
        tmp_path / "docs", "keys.md", "# Keys\n\nIntro.\n\n## Make one\n\n```\n## no\n```\n\n## Two\n\nb\n"
    )
    phrasings = write(
        tmp_path / "asked", "keys.md", "## make-one\nRelated: fresh\nnew key\nadd a key\n\n## two\nsecond\n"
    )
    library = read_library(documents, phrasings)
    assert [(passage.name, passage.body, passage.phrasings, passage.related) for passage in library.passages] == [
        ("keys#make-one", "```\n## no\n```", ("new key", "add a key"), "fresh"),
        ("keys#two", "b", ("second",), ""),
    ]


def test_samples_of_other_subjects_belong_to_no_page(tmp_path: Path) -> None:
    """The file `elsewhere.md` is read apart."""
    documents = write(tmp_path / "docs", "keys.md", "## One\n\na\n")
    write(tmp_path / "asked", "keys.md", "## one\nkey\n")
    phrasings = write(tmp_path / "asked", "elsewhere.md", "## other\nWhat is love?\n")
    assert Library(read_library(documents, phrasings).passages, ("What is love?",)) == read_library(
        documents, phrasings
    )


def test_a_page_without_phrasings_is_found_by_its_own_words(tmp_path: Path) -> None:
    """Its introduction, sentences and rows are samples; comments and the addresses of links are none."""
    page = "# All errors\n\n<!-- made -->\n\nWhat can [go wrong](x.md) here.\n\n"
    page += "## More\n\n| a | b |\n|--|--|\n| `E` | it is late |\n"
    documents = write(tmp_path / "docs", "errors.md", page)
    (tmp_path / "asked").mkdir()
    library = read_library(documents, tmp_path / "asked")
    assert [(passage.name, passage.title, passage.phrasings) for passage in library.passages] == [
        ("errors#", "All errors", ("What can [go wrong here.",)),
        ("errors#more", "More", ("`E` it is late",)),
    ]
    assert "made" not in library.passages[0].body


def test_a_page_without_a_file_may_have_phrasings_too(tmp_path: Path) -> None:
    """They stand in `others.md` under page and section, before the page's own sentences; each section must exist."""
    documents = write(tmp_path / "docs", "errors.md", "# Errors\n\n## More\n\nIt is late now.\n")
    phrasings = write(tmp_path / "asked", "others.md", "## errors#more\nRelated: night\ntoo late\n")
    (passage,) = read_library(documents, phrasings).passages
    assert (passage.phrasings, passage.related) == (("too late", "It is late now."), "errors night")
    write(tmp_path / "asked", "others.md", "## errors#gone\ntoo late\n")
    with pytest.raises(ValueError, match="no section errors#gone"):
        read_library(documents, phrasings)


def test_phrasings_without_a_section_are_refused(tmp_path: Path) -> None:
    """A phrasing that names no section is a mistake."""
    documents = write(tmp_path / "docs", "keys.md", "## One\n\na\n")
    phrasings = write(tmp_path / "asked", "keys.md", "## one\nkey\n\n## gone\nold key\n")
    with pytest.raises(ValueError, match="no section gone"):
        read_library(documents, phrasings)


@pytest.mark.parametrize(
    ("title", "expected"), [("401 invalid_api_key", "401-invalid_api_key"), ("Use a .env file", "use-a-env-file")]
)
def test_a_heading_has_the_name_that_links_use(title: str, expected: str) -> None:
    """Headings are named as Markdown viewers name them."""
    assert expected == slug(title)


def test_every_page_is_in_the_library(library: Library) -> None:
    """Each page is packaged and indexed."""
    pages = {entry.name.removesuffix(".md") for entry in packaged_documents().iterdir() if entry.name.endswith(".md")}
    assert pages == {passage.page for passage in library.passages}


def test_every_passage_has_phrasings(for_users: list[Passage]) -> None:
    """Each section of a page for users can be found in many words."""
    assert [passage.name for passage in for_users if len(passage.phrasings) < LEAST_PHRASINGS] == []


def test_no_two_passages_have_a_phrasing_in_common(for_users: list[Passage]) -> None:
    """A phrasing says which passage is meant; none stands twice."""
    phrasings = [spelled(text) for passage in for_users for text in passage.phrasings]
    assert sorted({text for text in phrasings if phrasings.count(text) > 1}) == []


def test_every_passage_is_short(for_users: list[Passage]) -> None:
    """Each section answers one thing, and the whole answer stays within a few hundred tokens."""
    too_long = [
        passage.name
        for passage in for_users
        if len(passage.body.split()) > MOST_WORDS or len((INTRODUCTION + passage.body).encode()) > MOST_BYTES
    ]
    assert too_long == []


def test_the_questions_that_judge_the_guide_are_not_in_its_index(
    library: Library, on_topic: list[tuple[str, str]], off_topic: list[str]
) -> None:
    """A question that the guide knows by heart proves nothing."""
    known = {spelled(text) for passage in library.passages for text in passage.phrasings}
    known |= {spelled(text) for text in library.elsewhere}
    asked = [*(question for _, question in on_topic), *off_topic]
    assert [question for question in asked if spelled(question) in known] == []
