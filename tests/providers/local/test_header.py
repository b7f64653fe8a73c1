"""Reading the head of a GGUF file."""

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from gguf import GGUFWriter
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.local.models import write_model
from tollbar.providers.local.header import NoGgufError, read_header


def test_the_head_of_a_real_file_is_read(tmp_path: Path) -> None:
    """What the format's own authors wrote is found: texts, numbers, and what stands behind long lists."""
    header = read_header(write_model(tmp_path / "tiny.gguf", context=2048, layers=2))
    assert (header.architecture, header.context_tokens, header.number("block_count")) == ("llama", 2048, 2)
    assert (header.text("general.name"), header.is_embedding) == ("tiny", False)
    assert "message.content" in header.text("tokenizer.chat_template")
    assert header.tensors == 21
    assert "tokenizer.ggml.tokens" not in header.values


@pytest.mark.parametrize("pooling", [0, 1])
def test_an_embedding_model_is_told_from_a_chat_model(tmp_path: Path, pooling: int) -> None:
    """By its family, or by the way in which it makes one vector of many."""
    writer = GGUFWriter(tmp_path / "a.gguf", "nomic-bert" if not pooling else "qwen3")
    writer.add_uint32("qwen3.pooling_type", pooling)
    writer.add_array("odd.nested", [[1, 2], [3, 4]])
    writer.add_float64("odd.float", 0.5)
    writer.add_bool("odd.bool", True)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    header = read_header(tmp_path / "a.gguf")
    assert header.is_embedding
    assert (header.values["odd.float"], header.values["odd.bool"], header.context_tokens) == (0.5, True, None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GGML",
        b"GGUF",
        b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 62),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 77),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"\xff" + struct.pack("<IB", 0, 1),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 4, 1 << 60),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 9, 1 << 60),
    ],
)
def test_what_is_no_gguf_is_refused(tmp_path: Path, data: bytes) -> None:
    """Other files, old versions, heads that are cut or boast of more than there is, are refused by name."""
    (tmp_path / "a.gguf").write_bytes(data)
    with pytest.raises(NoGgufError, match=r"a\.gguf"):
        read_header(tmp_path / "a.gguf")


def test_a_head_within_a_head_within_a_head_is_refused(tmp_path: Path) -> None:
    """Lists in lists do not end in a full stack."""
    nested = struct.pack("<IQ", 9, 1) * 5_000
    (tmp_path / "a.gguf").write_bytes(
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 9) + nested
    )
    with pytest.raises(NoGgufError):
        read_header(tmp_path / "a.gguf")


@given(place=st.integers(0, 4_000), byte=st.integers(0, 255), length=st.integers(0, 12_000))
def test_a_damaged_head_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int, length: int
) -> None:
    """Whatever byte is wrong and wherever the file ends: a header, or a refusal."""
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "whole.gguf"
    if not whole.exists():
        write_model(whole)
    with whole.open("rb") as file:
        data = bytearray(file.read(12_000))
    data[place] = byte
    (folder / "damaged.gguf").write_bytes(data[:length])
    with suppress(NoGgufError):
        assert read_header(folder / "damaged.gguf").tensors >= 0
