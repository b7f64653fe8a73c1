"""What the guide says."""

from tollbar.providers.guide.answer import INTRODUCTION, STRANGE, write_answer
from tollbar.providers.guide.index import Evidence, Finding
from tollbar.providers.guide.passages import Library, Passage
from tollbar.providers.guide.provider import count_tokens

MOST_TOKENS = 340
THREE = tuple(Passage("keys", f"s{number}", f"Title {number}", f"Body {number}.", ()) for number in range(3))
SURE = Evidence(nearest=1.0, elsewhere=0.0, leaning=1.0, covered=1.0, likelier=9.0, is_certain=True)
UNSURE = Evidence(nearest=0.0, elsewhere=1.0, leaning=-1.0, covered=0.0, likelier=0.0, is_certain=False)


def test_an_answer_is_the_passage_its_page_and_the_next_two() -> None:
    """The best passage is quoted whole; the others are named with their pages."""
    assert write_answer(Finding(THREE, SURE), is_first=False) == (
        "**Title 0**\n\nBody 0.\n\n"
        "From docs/keys.md, “Title 0”. See also docs/keys.md, “Title 1”; docs/keys.md, “Title 2”."
    )


def test_the_first_answer_says_who_speaks() -> None:
    """It says that it searches, and that it is no language model; later answers do not repeat it."""
    first = write_answer(Finding(THREE, SURE), is_first=True)
    assert first == f"{INTRODUCTION}\n\n{write_answer(Finding(THREE, SURE), is_first=False)}"
    assert "not a language model" in INTRODUCTION


def test_a_question_about_something_else_is_refused() -> None:
    """The refusal says what the guide knows, and names the two ways to a real model."""
    assert write_answer(Finding(THREE, UNSURE), is_first=False) == STRANGE
    assert all(way in STRANGE for way in ("OPENAI_API_KEY", "tollbar pull", "Ollama", "only know Tollbar"))


def test_no_answer_is_long(library: Library) -> None:
    """Whatever the passage, an answer stays within a few hundred tokens."""
    others = tuple(sorted(library.passages, key=lambda passage: len(passage.title))[-2:])
    too_long = [
        passage.name
        for passage in library.passages
        if count_tokens(write_answer(Finding((passage, *others), SURE), is_first=True)) > MOST_TOKENS
    ]
    assert too_long == []


def test_a_long_table_is_quoted_in_part() -> None:
    """Whole lines, as many as fit, and a word that there is more; a short one is quoted whole."""
    rows = [f"| row {number} | {'x' * 90} |" for number in range(20)]
    answer = write_answer(
        Finding((Passage("errors", "", "Errors", "\n".join(rows), ()), *THREE[1:]), SURE), is_first=False
    )
    assert rows[7] in answer
    assert "row 9" not in answer
    assert "\n\n(The page says more.)\n\nFrom docs/errors.md" in answer
