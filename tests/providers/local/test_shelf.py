"""The shelf of the models on this machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from tollbar.providers.local.shelf import LocalModel, Shelf

MODEL = LocalModel(
    name="tiny",
    kind="chat",
    format="gguf",
    path=Path("tiny.gguf"),
    size_bytes=4,
    context_tokens=512,
    repository="lab/tiny-GGUF",
    file="tiny.gguf",
    sha256="0" * 64,
    licence="mit",
    aliases=("tiny:1b",),
)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A shelf whose folder does not exist yet."""
    return Shelf(tmp_path / "data" / "models")


def stock(shelf: Shelf, model: LocalModel = MODEL) -> LocalModel:
    """Put a model with weights on the shelf."""
    folder = shelf.weights_of(model.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / model.file).write_bytes(b"GGUF")
    stocked = replace(model, path=folder / model.file)
    shelf.add(stocked)
    return stocked


def test_a_shelf_without_a_folder_is_empty(shelf: Shelf) -> None:
    """Nothing is there, nothing is found, and nothing can be removed, before anything was added."""
    assert (shelf.list(), shelf.find("tiny"), shelf.remove("tiny"), shelf.version()) == ((), None, None, ())


def test_what_was_added_is_found(shelf: Shelf) -> None:
    """A model is found by its name in any case, with `local/`, and by an alias; another shelf on the folder has it."""
    model = stock(shelf)
    names = ("tiny", "Tiny", "local/tiny", "tiny:1b", "local/TINY:1b")
    assert [Shelf(shelf.folder).find(name) for name in names] == [model] * 5
    assert shelf.list() == (model,)


@pytest.mark.parametrize("name", ["other", "", "local/", "../tiny", "local/../tiny", "ti\x00ny", "x" * 5000])
def test_what_is_not_there_is_not_found(shelf: Shelf, name: str) -> None:
    """Any text may be asked for; what is no model's name is nobody's."""
    stock(shelf)
    assert shelf.find(name) is None


def test_models_are_listed_by_name(shelf: Shelf) -> None:
    """The order is that of the names, not of the additions."""
    for name in ("zeta", "alpha"):
        stock(shelf, replace(MODEL, name=name, aliases=()))
    assert [model.name for model in shelf.list()] == ["alpha", "zeta"]


def test_the_data_folder_may_move(shelf: Shelf, tmp_path: Path) -> None:
    """Weights inside the folder are found after the folder was moved."""
    stock(shelf)
    (tmp_path / "data").rename(tmp_path / "moved")
    model = Shelf(tmp_path / "moved" / "models").find("tiny")
    assert model is not None
    assert model.path.read_bytes() == b"GGUF"


def test_removing_takes_the_weights_along(shelf: Shelf) -> None:
    """Neither the record nor the weights stay."""
    model = stock(shelf)
    assert shelf.remove("tiny:1b") == model
    assert (shelf.list(), list(shelf.folder.iterdir())) == ((), [])


def test_weights_elsewhere_are_not_ours_to_delete(shelf: Shelf, tmp_path: Path) -> None:
    """A model that was added by its path leaves its file where it is."""
    weights = tmp_path / "mine.gguf"
    weights.write_bytes(b"GGUF")
    shelf.add(replace(MODEL, path=weights))
    shelf.remove("tiny")
    assert (shelf.list(), weights.read_bytes()) == ((), b"GGUF")


def test_the_version_tells_every_change(shelf: Shelf) -> None:
    """Adding, replacing and removing each make another version; a partial download and a look make none."""
    seen = [shelf.version()]
    stock(shelf)
    seen.append(shelf.version())
    stock(shelf, replace(MODEL, size_bytes=5))
    seen.append(shelf.version())
    (shelf.folder / "other").mkdir()
    (shelf.folder / "other" / "weights.partial").write_bytes(b"GG")
    shelf.list()
    assert shelf.version() == seen[-1]
    shelf.remove("tiny")
    seen.append(shelf.version())
    assert len(set(seen)) == 3
    assert seen[0] == seen[3] == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "tiny"}', '{"name": "other", "kind": "chat"}', "\xff"])
def test_a_broken_record_hides_no_other(shelf: Shelf, text: str) -> None:
    """A record that cannot be read is skipped, not raised: the other models still answer."""
    model = stock(shelf)
    (shelf.folder / "broken.json").write_text(text, encoding="latin-1")
    assert (shelf.list(), shelf.find("broken")) == ((model,), None)


def test_a_record_under_another_name_is_not_taken(shelf: Shelf) -> None:
    """A record that was copied to another name does not make the model twice."""
    model = stock(shelf)
    (shelf.folder / "copy.json").write_bytes((shelf.folder / "tiny.json").read_bytes())
    assert (shelf.list(), shelf.find("copy")) == ((model,), None)


@pytest.mark.parametrize("name", ["", "Tiny", "a/b", "..", ".hidden", "a b", "-a", "x" * 101])
def test_a_name_must_be_a_name(shelf: Shelf, name: str) -> None:
    """A name that could leave the folder, or could not be typed, is refused."""
    with pytest.raises(ValueError, match="no name for a model"):
        shelf.add(replace(MODEL, name=name))
    with pytest.raises(ValueError, match="no name for a model"):
        shelf.weights_of(name)
