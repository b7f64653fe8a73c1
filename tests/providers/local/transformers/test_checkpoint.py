"""What a folder of safetensors says of itself: its context, its memory, and whether it can chat."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.providers.local.checkpoints import shelve_checkpoint
from tests.providers.local.models import WIDTH
from tollbar.domain.errors import EngineUnavailable
from tollbar.providers.local.transformers.checkpoint import (
    BASE_BYTES,
    NoCheckpointError,
    context_of,
    read_checkpoint,
    weigh,
)


def rewrite(folder: Path, name: str = "config.json", **fields: object) -> None:
    """Changes members of a document; None takes one out."""
    document = {**json.loads((folder / name).read_text()), **fields}
    (folder / name).write_text(json.dumps({key: value for key, value in document.items() if value is not None}))


def test_the_estimate_counts_what_grows(tmp_path: Path) -> None:
    """Weights as they are; a key and a value of 4 bytes, in each layer, for each token of the one conversation."""
    model = shelve_checkpoint(tmp_path, layers=3, context=512)
    needed = weigh(model, 400)
    assert needed.weights == model.size_bytes
    assert needed.conversations == 2 * 3 * WIDTH * 4 * 400
    assert BASE_BYTES < needed.work < 2 * BASE_BYTES
    rewrite(model.path, dtype="bfloat16", num_key_value_heads=3)
    assert weigh(model, 400).conversations == needed.conversations // 2 // 3


def test_the_context_it_was_made_for(tmp_path: Path) -> None:
    """Its own word; that of its language part where it has several; none of a folder that cannot be read."""
    folder = shelve_checkpoint(tmp_path, context=777).path
    assert context_of(folder) == 777
    rewrite(folder, max_position_embeddings=None, text_config={"max_position_embeddings": 888})
    assert context_of(folder) == 888
    assert context_of(tmp_path / "nowhere") is None


def test_what_cannot_chat_is_refused_with_what_helps(tmp_path: Path) -> None:
    """Vectors, another kind of network, and a model that was made for no chats."""
    model = shelve_checkpoint(tmp_path)
    with pytest.raises(EngineUnavailable, match="makes vectors") as told:
        weigh(replace(model, kind="embedding"), 100)
    assert "-GGUF" in told.value.hint
    rewrite(model.path, "tokenizer_config.json", chat_template=None)
    with pytest.raises(EngineUnavailable, match="no chat template") as told:
        weigh(model, 100)
    assert "-Instruct" in told.value.hint
    (model.path / "chat_template.jinja").write_text("{{ messages }}")
    assert weigh(model, 100).total > 0
    for classes, words in ((["BertModel"], "a BertModel"), (None, "does not tell")):
        rewrite(model.path, architectures=classes)
        with pytest.raises(EngineUnavailable, match=words):
            weigh(model, 100)


@pytest.mark.parametrize("text", ["{", "[]", '{"a": "\udcff"}'])
def test_a_folder_that_is_damaged(tmp_path: Path, text: str) -> None:
    """It is no model, and nothing worse."""
    (tmp_path / "config.json").write_text(text, errors="surrogateescape")
    with pytest.raises(NoCheckpointError):
        read_checkpoint(tmp_path)
