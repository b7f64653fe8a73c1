"""What a model will take, and what there is."""

import os
from pathlib import Path

import pytest

from tests.providers.local.models import HEADS, WIDTH, write_model
from tollbar.providers.local.header import Header, read_header
from tollbar.providers.local.memory import (
    BASE_BYTES,
    MEBIBYTE,
    Estimate,
    budget,
    estimate,
    machine_bytes,
    shown,
)

LLAMA = {
    "general.architecture": "llama",
    "llama.block_count": 16,
    "llama.embedding_length": 2048,
    "llama.attention.head_count": 32,
    "llama.attention.head_count_kv": 8,
    "llama.vocab_size": 128_256,
}


def test_a_known_model() -> None:
    """Llama 3.2 1B: 32 KiB a token, so 128 MiB for a conversation of 4,096; logits of a batch beside it."""
    found = estimate(Header(LLAMA, 0), 807_694_464, 4_096, 4)
    assert found == Estimate(807_694_464, 4 * 128 * MEBIBYTE, BASE_BYTES + 512 * 128_256 * 4)
    assert found.total == 807_694_464 + 4 * 128 * MEBIBYTE + BASE_BYTES + 512 * 128_256 * 4


def test_keys_of_their_own_length() -> None:
    """Some models have heads whose length is not their share of the width."""
    values = {**LLAMA, "llama.attention.key_length": 128, "llama.attention.value_length": 256}
    assert estimate(Header(values, 0), 0, 1, 1).conversations == 16 * 8 * (128 + 256) * 2


def test_a_head_that_says_little() -> None:
    """Without heads that share, each has its own; without a vocabulary, a large one is expected."""
    values = {name: value for name, value in LLAMA.items() if name != "llama.attention.head_count_kv"}
    assert estimate(Header(values, 0), 0, 1, 1).conversations == 4 * 32 * 1024
    assert estimate(Header({}, 0), 5, 10, 1).total > 5 + BASE_BYTES


def test_a_file(tmp_path: Path) -> None:
    """The head of a real file is enough."""
    path = write_model(tmp_path / "model.gguf", layers=3)
    found = estimate(read_header(path), path.stat().st_size, 100, 2)
    assert found.conversations == 3 * HEADS * 2 * (WIDTH // HEADS) * 2 * 200


def test_the_machine(tmp_path: Path) -> None:
    """Its memory, or the limit of the container where that is less; no limit is none."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit, none = tmp_path / "limit", tmp_path / "none"
    limit.write_text("1048576000\n")
    none.write_text("max\n")
    assert machine_bytes((limit, none)) == 1_048_576_000
    assert machine_bytes((none, tmp_path / "missing")) == physical


@pytest.mark.parametrize(
    ("size", "text"), [(5 * MEBIBYTE, "5 MiB"), (1_023 * MEBIBYTE, "1023 MiB"), (1536 * MEBIBYTE, "1.5 GiB")]
)
def test_sizes_are_readable(size: int, text: str) -> None:
    """As people write them."""
    assert shown(size) == text


def test_the_budget() -> None:
    """What was set, or three quarters of what there is."""
    assert budget(100) == 100 * MEBIBYTE
    assert budget(0) == int(machine_bytes() * 0.75)
