"""The reference pages that are made from the tables in the source."""

from pathlib import Path

import pytest

from tests.cli.running import Terminal
from tollbar.cli.documents import PAGES, configuration, error_reference, metrics_reference
from tollbar.domain.errors import GatewayError
from tollbar.metrics import DESCRIPTIONS
from tollbar.settings.describe import environment_names, rows

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_stale(name: str) -> None:
    """Each page is what its table says; if not: .venv/bin/tollbar docs write."""
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == PAGES[name]()


def test_every_setting_is_on_the_page() -> None:
    """Each setting and each environment name is there."""
    page = configuration()
    assert [row.name for row in rows() if f"| `{row.location[-1]}` |" not in page] == []
    assert [name for name in environment_names() if f"`{name}`" not in page] == []


def test_every_error_is_on_the_page() -> None:
    """Each class of the tree has its row, with its code."""

    def tree(kind: type[GatewayError]) -> list[type[GatewayError]]:
        return [kind, *(inner for child in kind.__subclasses__() for inner in tree(child))]

    page = error_reference()
    kinds = [kind for kind in tree(GatewayError)[1:] if kind.__module__ == GatewayError.__module__]
    assert [
        kind.__name__ for kind in kinds if f"| `{kind.__name__}` | `{kind.code}` | {kind.status} |" not in page
    ] == []


def test_every_metric_is_on_the_page() -> None:
    """Each metric has its row."""
    page = metrics_reference()
    assert [one.name for one in DESCRIPTIONS if f"| `{one.name}` | {one.kind} |" not in page] == []


def test_pages_are_written(terminal: Terminal) -> None:
    """The command writes them into the folder that is named."""
    said = terminal.good("docs", "write", "pages")
    assert said.out.splitlines() == [f"pages/{name}" for name in PAGES]
    assert (terminal.directory / "pages" / "errors.md").read_text() == error_reference()
