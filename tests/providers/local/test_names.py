"""The short names of models."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tollbar.providers.local.names import NamedModel, NameFaults, is_repository, load, parse

GOOD: dict[str, Any] = {
    "aliases": ["Tiny:1B"],
    "repository": "lab/tiny-GGUF",
    "file": "tiny.gguf",
    "size_bytes": 1_000,
    "context": 512,
    "template": "chatml",
    "licence": "mit",
    "documented": date(2026, 11, 29),
}
ASKED_FOR = (
    "TinyLlama-1.1B-Chat-v1.0", "tinyllama", "qwen2.5:0.5b", "Qwen2.5-1.5B-Instruct", "qwen3:0.6b", "qwen3-1.7b",
    "deepseek-r1:1.5b", "DeepSeek-R1-Distill-Qwen-1.5B", "llama3.2:1b", "llama3.2", "Llama-3.2-3B-Instruct", "phi3",
    "phi-4-mini", "gemma3:1b", "gemma-3-4b-it", "smollm2", "all-MiniLM-L6-v2", "nomic-embed-text",
)  # fmt: skip
ROWS = tuple(load().models.values())


@pytest.mark.parametrize("name", ASKED_FOR)
def test_what_people_type_is_found(name: str) -> None:
    """The names of cards, of Ollama, and the short ones lead to a row, in any case."""
    names = load()
    assert names.find(name) is not None
    assert names.find(name.upper()) is names.find(name.lower())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_makes_sense(row: NamedModel) -> None:
    """A row is of a size that a machine without a graphics card can run, and says what of it nobody looked up."""
    assert 10_000_000 < row.size_bytes < 6_000_000_000
    assert 256 <= row.context_tokens <= 262_144
    assert row.documented is not None or "licence" in row.unchecked
    assert row.quantisation.lower() in row.file.lower() or "file" in row.unchecked
    assert not (row.is_proposed and row.kind == "embedding")


def test_there_is_something_to_propose_for_small_and_large_machines() -> None:
    """The proposals reach from half a gigabyte to several."""
    sizes = sorted(row.size_bytes for row in ROWS if row.is_proposed)
    assert sizes[0] < 500_000_000 < 2_000_000_000 < sizes[-1]


def test_a_good_row_is_read() -> None:
    """What is not said is usual: a chat model, of the usual quantisation, not proposed."""
    names = parse({"tiny": GOOD})
    model = names.models["tiny"]
    assert (model.kind, model.quantisation, model.is_proposed, model.unchecked) == (
        "chat",
        "Q4_K_M",
        False,
        frozenset(),
    )
    assert names.find("TINY:1b") is names.find_file("Lab/Tiny-gguf", "tiny.gguf") is model
    assert (names.find("other"), names.find_file("lab/tiny-GGUF", "other.gguf")) == (None, None)
    assert names.near("tinny") == ["tiny"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"aliases": "tiny"}, "aliases"),
        ({"repository": "tiny"}, "owner/name"),
        ({"repository": "../tiny"}, "owner/name"),
        ({"file": "tiny.bin"}, ".gguf"),
        ({"size_bytes": 0}, "size_bytes"),
        ({"size_bytes": True}, "size_bytes"),
        ({"context": "512"}, "context"),
        ({"kind": "image"}, "kind"),
        ({"sise": 1}, "sise"),
        ({"unchecked": ["sise"]}, "sise"),
        ({"documented": None}, "documented"),
    ],
)
def test_a_bad_row_is_refused(change: dict[str, Any], word: str) -> None:
    """Each fault is told with the row and the key."""
    with pytest.raises(NameFaults, match=f"model tiny: .*{word}"):
        parse({"tiny": {**GOOD, **change}})


@pytest.mark.parametrize("missing", ["repository", "file", "size_bytes", "licence"])
def test_a_row_without_what_it_needs_is_refused(missing: str) -> None:
    """What is missing is named."""
    with pytest.raises(NameFaults, match=f"{missing} is missing"):
        parse({"tiny": {key: value for key, value in GOOD.items() if key != missing}})


def test_two_rows_may_not_share_a_name() -> None:
    """A spelling leads to one model, in whatever case it is written."""
    with pytest.raises(NameFaults, match="tiny:1b is a name of tiny too"):
        parse({"tiny": GOOD, "small": {**GOOD, "aliases": ["tiny:1b"]}})


def test_a_row_neither_read_nor_marked_is_refused() -> None:
    """A row says when it was read, or what of it was not."""
    with pytest.raises(NameFaults, match="neither"):
        parse({"tiny": {key: value for key, value in GOOD.items() if key != "documented"}})


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("a/b", True), ("Qwen/Qwen2.5-0.5B", True), ("a", False), ("a/b/c", False), ("a/../b", False), ("a/..", False)],
)
def test_a_repository_has_an_owner_and_a_name(text: str, is_one: bool) -> None:
    """Nothing else is one, least of all a path."""
    assert is_repository(text) is is_one


def test_the_page_lists_every_name() -> None:
    """What can be typed is found in docs/local-models.md, and nothing else is."""
    page = (Path(__file__).parents[3] / "docs" / "local-models.md").read_text(encoding="utf-8")
    section = page.partition("## The short names")[2].partition("\n## ")[0]
    listed = {name for line in section.splitlines() if line.startswith("|") for name in re.findall(r"`([^`]+)`", line)}
    assert listed == set(load().models)
