"""The page about the endpoints is the table."""

from tollbar.edge.reference import WHO, reference
from tollbar.edge.routes import CALLS, PAGES, Access, public_path


def test_every_address_is_on_the_page_once() -> None:
    """With its method, and who may use it."""
    lines = reference().splitlines()
    for row in (*CALLS, *PAGES):
        mine = [line for line in lines if line.startswith(f"| `{row.method} {public_path(row.path)}` |")]
        assert len(mine) == 1
        assert f"| {WHO[row.access]} |" in mine[0]


def test_every_class_of_access_has_words() -> None:
    """Nobody reads a code."""
    assert set(WHO) == set(Access)


def test_errors_that_all_share_are_told_once() -> None:
    """The table holds each row's own; the introduction the rest."""
    page = reference()
    assert page.count("`missing_api_key`") == 1
    assert page.count("`internal_error`") == 1
    chat = next(line for line in page.splitlines() if "POST /v1/chat/completions" in line)
    assert "404 `model_not_found`" in chat
    assert "504 `upstream_timeout`" in chat


def test_it_is_one_page_of_markdown() -> None:
    """One title, a line at the end, no stray blanks, tables whole."""
    page = reference()
    assert page.count("\n# ") + page.startswith("# ") == 1
    assert page.endswith("|\n")
    assert all(line == line.rstrip() for line in page.splitlines())
    assert all(line.count(" | ") == 3 for line in page.splitlines() if line.startswith("| `"))
