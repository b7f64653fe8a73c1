"""What a person means by the name of a model."""

from pathlib import Path

import pytest

from tollbar.domain.errors import UnknownModel
from tollbar.domain.local_models import RemoteFile
from tollbar.providers.local.names import load
from tollbar.providers.local.reference import (
    HubModel,
    LocalFile,
    OllamaModel,
    choose_files,
    name_for,
    plain_name,
    read_reference,
)

NAMES = load()
TINY = NAMES.models["tinyllama"]


def of(*paths: str) -> tuple[RemoteFile, ...]:
    """Files of a repository, each as large as its place in the list."""
    return tuple(RemoteFile(path, size) for size, path in enumerate(paths, 1))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ollama:deepseek-r1:1.5b", OllamaModel("deepseek-r1:1.5b")),
        ("owner/repo", HubModel("owner/repo")),
        (" owner/repo ", HubModel("owner/repo")),
        ("owner/repo:file.gguf", HubModel("owner/repo", "file.gguf")),
        ("owner/repo:sub/file.gguf", HubModel("owner/repo", "sub/file.gguf")),
        ("owner/repo:Q8_0", HubModel("owner/repo", "", "Q8_0")),
        ("https://huggingface.co/owner/repo", HubModel("owner/repo")),
        ("hf.co/owner/repo:Q4_0", HubModel("owner/repo", "", "Q4_0")),
        ("hf:TinyLlama/TinyLlama-1.1B-Chat-v1.0", HubModel("TinyLlama/TinyLlama-1.1B-Chat-v1.0")),
        ("TinyLlama", HubModel(TINY.repository, TINY.file, TINY.quantisation, TINY)),
        ("local/tinyllama:1.1b", HubModel(TINY.repository, TINY.file, TINY.quantisation, TINY)),
        (f"{TINY.repository}:{TINY.file}", HubModel(TINY.repository, TINY.file, "", TINY)),
    ],
)
def test_names_are_understood(text: str, meant: object) -> None:
    """Each form that a name may have leads where one expects."""
    assert read_reference(text, NAMES, may_be_path=False) == meant


@pytest.mark.parametrize("text", ["", "  ", "x" * 501, "a\nb", "ollama:", "ollama:../x", "ollama:a b"])
def test_what_can_be_no_name_is_refused(text: str) -> None:
    """The field is named."""
    with pytest.raises(UnknownModel) as refused:
        read_reference(text, NAMES, may_be_path=True)
    assert refused.value.field == "model"


@pytest.mark.parametrize("text", ["tinylama", "owner/", "/etc/passwd", "owner/repo/more", "../owner/repo"])
def test_what_is_nobodys_name_is_unknown(text: str) -> None:
    """The remedy says what would be a name; one that is nearly ours is guessed."""
    with pytest.raises(UnknownModel) as refused:
        read_reference(text, NAMES, may_be_path=False)
    assert ("Did you mean tinyllama?" in refused.value.hint) is (text == "tinylama")
    assert "owner/name" in refused.value.hint


def test_paths_are_for_those_who_sit_here(tmp_path: Path) -> None:
    """A file or folder of this machine is meant only where that is allowed; a .gguf that is missing is still a path."""
    file = tmp_path / "a.gguf"
    file.touch()
    for text, path in ((str(file), file), (str(tmp_path), tmp_path), (f"{tmp_path}/b.gguf", tmp_path / "b.gguf")):
        assert read_reference(text, NAMES, may_be_path=True) == LocalFile(path)
        with pytest.raises(UnknownModel):
            read_reference(text, NAMES, may_be_path=False)
    assert read_reference("owner/repo:a.gguf", NAMES, may_be_path=True) == HubModel("owner/repo", "a.gguf")


@pytest.mark.parametrize(
    ("wanted", "paths", "chosen"),
    [
        (HubModel("a/b"), ("b-Q8_0.gguf", "b-Q4_K_M.gguf", "b-Q2_K.gguf"), ["b-Q4_K_M.gguf"]),
        (HubModel("a/b"), ("b.q8_0.gguf", "b.q2_k.gguf"), ["b.q8_0.gguf"]),
        (HubModel("a/b"), ("mmproj-b-F16.gguf", "b-IQ3_M.gguf", "b-IQ2_M.gguf"), ["b-IQ3_M.gguf"]),
        (HubModel("a/b", quantisation="q2_k"), ("b-Q4_K_M.gguf", "b-Q2_K_L.gguf", "b-Q2_K.gguf"), ["b-Q2_K.gguf"]),
        (HubModel("a/b", "b-Q2_K.gguf"), ("b-Q4_K_M.gguf", "b-Q2_K.gguf"), ["b-Q2_K.gguf"]),
        (HubModel("a/b", "x.gguf", "Q4_K_M", TINY), ("b-Q8_0.gguf", "b-Q4_K_M.gguf"), ["b-Q4_K_M.gguf"]),
        (
            HubModel("a/b"),
            ("q/b-Q4_K_M-00002-of-00002.gguf", "q/b-Q4_K_M-00001-of-00002.gguf"),
            ["q/b-Q4_K_M-00001-of-00002.gguf", "q/b-Q4_K_M-00002-of-00002.gguf"],
        ),
        (
            HubModel("a/b"),
            ("model.safetensors", "config.json", "x.py", "merges.txt", "original/model.safetensors", ".hidden.json"),
            ["model.safetensors", "config.json", "merges.txt"],
        ),
        (
            HubModel("a/b"),
            ("consolidated.safetensors", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
             "model.fp16.safetensors", "config.json", "model.safetensors.index.json"),
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "config.json",
             "model.safetensors.index.json"],
        ),
        (HubModel("a/b"), ("weights.safetensors", "config.json"), ["weights.safetensors", "config.json"]),
    ],
)  # fmt: skip
def test_the_files_of_a_model_are_chosen(wanted: HubModel, paths: tuple[str, ...], chosen: list[str]) -> None:
    """What was asked for, else the usual quantisation; every part of a split file; safetensors with what they need."""
    assert [file.path for file in choose_files(wanted, of(*paths))] == chosen


@pytest.mark.parametrize(
    ("wanted", "paths", "word"),
    [
        (HubModel("a/b"), ("README.md",), "GGUF"),
        (HubModel("a/b"), ("model.safetensors",), "GGUF"),
        (HubModel("a/b", "c.gguf"), ("b-Q4_K_M.gguf",), "b-Q4_K_M.gguf"),
        (HubModel("a/b", quantisation="Q9"), ("b-Q4_K_M.gguf",), "b-Q4_K_M.gguf"),
        (HubModel("a/b"), ("..gguf", "evil/..\\x.gguf"), "GGUF"),
    ],
)
def test_a_repository_without_the_model_says_what_it_has(wanted: HubModel, paths: tuple[str, ...], word: str) -> None:
    """The refusal lists what could be asked for instead."""
    with pytest.raises(UnknownModel) as refused:
        choose_files(wanted, of(*paths))
    assert word in refused.value.hint


@pytest.mark.parametrize(
    ("wanted", "path", "name"),
    [
        (HubModel("a/b", named=TINY), "x.gguf", "tinyllama"),
        (HubModel("a/B-GGUF"), "Bee-Q4_K_M.gguf", "bee-q4_k_m"),
        (HubModel("a/B-GGUF"), "q/Bee-00001-of-00003.gguf", "bee"),
        (HubModel("a/Bee 2"), "model.safetensors", "bee-2"),
    ],
)
def test_a_model_gets_a_name(wanted: HubModel, path: str, name: str) -> None:
    """Its short name, or that of its file or repository."""
    assert name_for(wanted, of(path)) == name


@pytest.mark.parametrize(("text", "name"), [("My Model (v2)", "my-model-v2"), ("---", "model"), ("x" * 300, "x" * 100)])
def test_any_text_becomes_a_name(text: str, name: str) -> None:
    """One that the shelf takes."""
    assert plain_name(text) == name
