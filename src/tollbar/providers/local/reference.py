"""What a person means by the name of a model to pull.

In this order: `ollama:NAME`, a path that exists, one of our short names, a repository of the hub. A repository may be
followed by what is wanted of it: `owner/repo:file.gguf`, `owner/repo:Q4_K_M`; and may be written as the address of its
page, or after `hf:`, which says that the repository of exactly that name is meant.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from tollbar.domain.errors import UnknownModel
from tollbar.domain.local_models import RemoteFile
from tollbar.providers.local.names import NamedModel, Names, is_repository

LONGEST = 500
OLLAMA = "ollama:"
HOW = "Any repository of Hugging Face works as owner/name, and a model of Ollama's as ollama:NAME."
EXPLICIT = ("hf:", "hf.co/", "https://huggingface.co/", "https://hf.co/")
# From the usual one on: smaller ones lose much, larger ones gain little and run slower.
PREFERRED = ("Q4_K_M", "Q4_K_S", "Q4_0", "Q5_K_M", "Q5_K_S", "Q5_0", "Q6_K", "Q8_0", "F16", "BF16")
SIDE_FILES = frozenset({"tokenizer.model", "chat_template.jinja", "vocab.txt", "merges.txt", "spiece.model"})
WEIGHTS = ".safetensors"

_OLLAMA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")
_SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
_LOADED = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
_PLAIN_FILE = re.compile(r"[A-Za-z0-9_][\w.+-]{0,199}", re.ASCII)
_UNNAMED = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """A model that Ollama is to pull."""

    name: str


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A GGUF file, or the folder of a safetensors model, that is on this machine already."""

    path: Path


@dataclass(frozen=True, slots=True)
class HubModel:
    """A repository of the hub, and what of it is wanted: a file, a quantisation, or whatever suits when both are empty.

    `named` is our row for it, where it was meant by a short name.
    """

    repository: str
    file: str = ""
    quantisation: str = ""
    named: NamedModel | None = None


Reference = OllamaModel | LocalFile | HubModel


def read_reference(text: str, names: Names, may_be_path: bool) -> Reference:
    """What a text means; raises UnknownModel when it is nobody's name.

    `may_be_path` is for those who work on this machine: a caller from elsewhere must not learn what is on its disk.
    """
    text = text.strip()
    if not 0 < len(text) <= LONGEST or not text.isprintable():
        raise UnknownModel("That is the name of no model.", hint=HOW, field="model")
    if text.startswith(OLLAMA):
        return _ollama(text.removeprefix(OLLAMA))
    if named := names.find(text.removeprefix("local/")):
        return HubModel(named.repository, named.file, named.quantisation, named)
    if may_be_path and (path := _path(text)):
        return LocalFile(path)
    prefix = next((prefix for prefix in EXPLICIT if text.lower().startswith(prefix)), "")
    bare = text[len(prefix) :].strip("/") if prefix else text
    repository, _, wanted = bare.partition(":")
    if is_repository(repository):
        is_file = wanted.lower().endswith(".gguf")
        found = names.find_file(repository, wanted) if is_file else None
        return HubModel(repository, wanted if is_file else "", "" if is_file else wanted, found)
    near = names.near(text)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    raise UnknownModel(
        f"No model is called {text[:100]!r}.",
        hint=f"{meant}{HOW}",
        field="model",
    )


def choose_files(wanted: HubModel, files: tuple[RemoteFile, ...]) -> tuple[RemoteFile, ...]:
    """The files of a repository that make the model, the one to load first; raises UnknownModel when none do."""
    weights = [file for file in files if _is_weights(file)]
    exact = [file for file in weights if wanted.file and wanted.file in (file.path, file.name)]
    if wanted.file and not exact and wanted.named is None:
        raise _nothing(wanted, wanted.file, weights)
    chosen = exact or _of_quantisation(wanted, weights)
    if chosen:
        return _whole(chosen[0], weights)
    if not weights and not wanted.quantisation and (folder := _safetensors(files)):
        return folder
    raise _nothing(wanted, "a .gguf file or safetensors with their config.json", weights)


def name_for(wanted: HubModel, files: tuple[RemoteFile, ...]) -> str:
    """What a model is called here: its short name, or the name of its file or repository in plain letters."""
    if wanted.named is not None:
        return wanted.named.name
    first = files[0].name
    if not first.endswith(".gguf"):
        return plain_name(wanted.repository.partition("/")[2])
    split = _SPLIT.fullmatch(first)
    return plain_name(split[1] if split else first.removesuffix(".gguf"))


def plain_name(text: str) -> str:
    """A text as the name of a model: lower case, and `-` for what no name may hold."""
    return _UNNAMED.sub("-", text.lower()).strip("-._")[:100] or "model"


def _ollama(name: str) -> OllamaModel:
    if not _OLLAMA_NAME.fullmatch(name) or ".." in name:
        raise UnknownModel(
            "What follows 'ollama:' is no name of a model.", hint="As in ollama:qwen3:0.6b.", field="model"
        )
    return OllamaModel(name)


def _path(text: str) -> Path | None:
    path = Path(text).expanduser()
    looks_like_one = text.endswith(".gguf") or text.startswith(("/", "./", "../", "~")) or "\\" in text
    if looks_like_one and ":" in text and not path.exists() and is_repository(text.partition(":")[0]):
        return None
    if path.is_dir() or path.is_file() or looks_like_one:
        return path.absolute()
    return None


def _is_weights(file: RemoteFile) -> bool:
    """Whether a file holds the weights of a model: not those of a model's eyes, and under a name fit for a disk."""
    name = file.name.lower()
    return name.endswith(".gguf") and "mmproj" not in name and bool(_PLAIN_FILE.fullmatch(file.name))


def _of_quantisation(wanted: HubModel, weights: list[RemoteFile]) -> list[RemoteFile]:
    """The files of the quantisation that is wanted, else of the most usual one, else the smallest."""
    for quantisation in (wanted.quantisation,) if wanted.quantisation else PREFERRED:
        pattern = re.compile(rf"(?<![A-Za-z0-9]){re.escape(quantisation)}(?![A-Za-z0-9_])", re.IGNORECASE)
        if found := [file for file in weights if pattern.search(file.path)]:
            return sorted(found, key=lambda file: file.path)
    return [] if wanted.quantisation else sorted(weights, key=lambda file: file.size_bytes)


def _whole(first: RemoteFile, weights: list[RemoteFile]) -> tuple[RemoteFile, ...]:
    """A file with the other parts of it, where it was split."""
    split = _SPLIT.fullmatch(first.path)
    if split is None:
        return (first,)
    parts = [file for file in weights if (other := _SPLIT.fullmatch(file.path)) and other[1] == split[1]]
    return tuple(sorted(parts, key=lambda file: file.path))


def _safetensors(files: tuple[RemoteFile, ...]) -> tuple[RemoteFile, ...]:
    """The files of a safetensors model, which lie at the top of its repository."""
    top = [file for file in files if _PLAIN_FILE.fullmatch(file.path)]
    weights = [file for file in top if file.path.endswith(WEIGHTS)]
    # Some repositories hold the same weights once more, in another program's layout or another precision.
    weights = [file for file in weights if _LOADED.fullmatch(file.path)] or weights
    if not weights or not any(file.path == "config.json" for file in top):
        return ()
    beside = [file for file in top if file.path.endswith(".json") or file.path in SIDE_FILES]
    return (*weights, *beside)


def _nothing(wanted: HubModel, what: str, weights: list[RemoteFile]) -> UnknownModel:
    names = [file.path for file in weights[:8]]
    hint = f"It has {', '.join(names)}." if names else "Look for a repository whose name ends in GGUF."
    sought = f"a file of quantisation {wanted.quantisation}" if wanted.quantisation and not wanted.file else what
    return UnknownModel(f"{wanted.repository} does not hold {sought}.", hint=hint, field="model")
