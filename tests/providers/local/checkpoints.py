"""Small real models in safetensors, made in a moment, whose answers are known: those of `models.py` in another form.

A folder holds what a repository of the hub does: settings, weights, tokenizer and chat template.
"""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from tests.providers.local.models import END, HEADS, SPECIALS, TEMPLATE, WIDTH, WORDS, bytes_as_letters, output_weights
from tollbar.domain.local_models import LocalModel
from tollbar.providers.local.shelf import Shelf

LETTERS = [*bytes_as_letters(), *SPECIALS, *WORDS]


def write_checkpoint(folder: Path, context: int = 512, layers: int = 1, hidden: int = 32) -> Path:
    """A model in a folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in _documents(context, layers, hidden).items():
        (folder / name).write_text(json.dumps(document))
    tensors = _tensors(layers, hidden)
    head: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, tensor in tensors.items():
        head[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [place, place + tensor.nbytes]}
        place += tensor.nbytes
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.tobytes())
    return folder


def shelve_checkpoint(folder: Path, name: str = "tiny", **sizes: int) -> LocalModel:
    """Puts a model on the shelf of a folder, as a pull would."""
    shelf = Shelf(folder)
    path = write_checkpoint(shelf.weights_of(name), **sizes)
    size = sum(file.stat().st_size for file in path.iterdir())
    context = sizes.get("context", 512)
    model = LocalModel(name, "chat", "safetensors", path, size, context, "", "", "", "MIT")
    shelf.add(model)
    return model


def _documents(context: int, layers: int, hidden: int) -> dict[str, Any]:
    added = [
        {"id": 256 + place, "content": text, "special": place < len(SPECIALS), "normalized": False}
        | {"single_word": False, "lstrip": False, "rstrip": False}
        for place, text in enumerate([*SPECIALS, *WORDS[:-1]])
    ]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    vocabulary = {letter: place for place, letter in enumerate(LETTERS)}
    return {
        "config.json": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "dtype": "float32",
            "hidden_size": WIDTH,
            "intermediate_size": hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": HEADS,
            "num_key_value_heads": HEADS,
            "max_position_embeddings": context,
            "vocab_size": len(LETTERS),
            "rms_norm_eps": 1e-6,
            "tie_word_embeddings": False,
            "eos_token_id": END,
            "pad_token_id": END,
        },
        "generation_config.json": {"eos_token_id": END, "pad_token_id": END},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": SPECIALS[0],
            "pad_token": SPECIALS[0],
            "model_max_length": context,
            "chat_template": TEMPLATE,
            "clean_up_tokenization_spaces": False,
        },
        "tokenizer.json": {
            "version": "1.0",
            "added_tokens": added,
            "pre_tokenizer": level,
            "decoder": level,
            "model": {"type": "BPE", "vocab": vocabulary, "merges": [["t", "h"]]},
        },
    }


def _tensors(layers: int, hidden: int) -> dict[str, np.ndarray]:
    """The weights: attention and feed-forward add nothing, and the output says which token follows which."""
    ones, square = np.ones(WIDTH, dtype=np.float32), np.zeros((WIDTH, WIDTH), dtype=np.float32)
    wide = np.zeros((hidden, WIDTH), dtype=np.float32)
    found = {
        "model.embed_tokens.weight": np.eye(len(LETTERS), WIDTH, dtype=np.float32),
        "model.norm.weight": ones,
        "lm_head.weight": output_weights(len(LETTERS)),
    }
    for layer in range(layers):
        of = f"model.layers.{layer}"
        found |= {f"{of}.{part}.weight": ones for part in ("input_layernorm", "post_attention_layernorm")}
        found |= {f"{of}.self_attn.{part}_proj.weight": square for part in "qkvo"}
        found |= {f"{of}.mlp.{part}_proj.weight": wide for part in ("gate", "up")}
        found[f"{of}.mlp.down_proj.weight"] = wide.T.copy()
    return found
