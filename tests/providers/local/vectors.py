"""A small real model that makes vectors, in GGUF: the vector of a text is the mean of its words'.

Its tokenizer knows whole words. Those of one row of `meanings` have one vector, so the model takes them for the same.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, LlamaFileType, PoolingType, TokenType

from tollbar.domain.local_models import LocalModel
from tollbar.providers.local.shelf import Shelf

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WIDTH = 64
HEADS = 2


def shelve_vectors(folder: Path, meanings: Sequence[Sequence[str]], name: str = "meanings") -> LocalModel:
    """Puts such a model on the shelf of a folder, as a pull would."""
    shelf = Shelf(folder)
    path = shelf.weights_of(name) / "model.gguf"
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, meanings)
    model = LocalModel(name, "embedding", "gguf", path, path.stat().st_size, 512, "", "", "", "MIT")
    shelf.add(model)
    return model


def _write(path: Path, meanings: Sequence[Sequence[str]]) -> None:
    words = [f"\u2581{word}" for row in meanings for word in row]
    random = np.random.default_rng(3)
    rows = [np.repeat(random.normal(size=(1, WIDTH)), len(row), axis=0) for row in meanings]
    table = np.concatenate([np.zeros((len(SPECIALS), WIDTH)), *rows]).astype(np.float32)
    writer = GGUFWriter(path, "llama")
    writer.add_name("meanings")
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_pooling_type(PoolingType.MEAN)
    writer.add_file_type(LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("bert")
    writer.add_token_list([*SPECIALS, *words])
    writer.add_token_types([*[TokenType.CONTROL] * len(SPECIALS), *[TokenType.NORMAL] * len(words)])
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_sep_token_id(3)
    writer.add_tensor("token_embd.weight", table)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    writer.add_tensor("output.weight", table)
    for part in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{part}.weight", np.ones(WIDTH, dtype=np.float32))
    for part in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        writer.add_tensor(f"blk.0.{part}.weight", np.zeros((WIDTH, WIDTH), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
