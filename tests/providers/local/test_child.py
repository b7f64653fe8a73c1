"""The child: what it gives the engine, and what it says when there is none."""

import json

import pytest
import xllamacpp

from tollbar.providers.local.child import (
    LEAST_TOKENS,
    MOST_TOKENS,
    PIECE_SECONDS,
    TRIED_TOKENS,
    Order,
    cpu_fault,
    import_fault,
    parameters,
    piece_tokens,
)

ORDER = Order("tiny", "/models/tiny.gguf", False, False, 1_000, 3, 2, "a key")


def test_an_order_survives_the_pipe() -> None:
    """One line of JSON, which makes the same order."""
    line = ORDER.line()
    assert (line.count(b"\n"), Order(**json.loads(line))) == (1, ORDER)


def test_the_engine_is_told_all() -> None:
    """A key, loopback, one context for each call at once, and none of the engine's own ideas about memory."""
    made = parameters(xllamacpp, ORDER)
    assert (made.model.path, made.model_alias, made.api_keys) == ("/models/tiny.gguf", {"tiny"}, ["a key"])
    assert (made.hostnames, made.port) == (["127.0.0.1"], 0)
    assert (made.n_parallel, made.n_ctx, made.cpuparams.n_threads, made.cpuparams_batch.n_threads) == (3, 3_000, 2, 2)
    assert (made.cache_ram_mib, made.use_jinja, made.warmup, made.fit_params, made.ui) == (0, True, False, False, False)
    assert (made.n_batch, made.n_ubatch, made.embedding) == (64, 64, False)
    wider = parameters(xllamacpp, ORDER, 192)
    assert (wider.n_batch, wider.n_ubatch) == (192, 192)


@pytest.mark.parametrize(
    ("tried_milliseconds", "tokens"), [(500.0, 64), (4.0, 64), (2.4, 128), (1.0, 320), (0.1, 512), (0.0, 512)]
)
def test_a_piece_of_a_prompt_is_bounded_by_its_time(tried_milliseconds: float, tokens: int) -> None:
    """As many tokens as 40 ms are enough for, and never so few that prompts become slow."""
    assert piece_tokens(tried_milliseconds / 1e3) == tokens
    assert tokens in {LEAST_TOKENS, MOST_TOKENS} or tokens * tried_milliseconds / TRIED_TOKENS <= PIECE_SECONDS * 1e3


@pytest.mark.parametrize(("pools", "pooling"), [(False, 1), (True, -1)])
def test_an_embedding_model_is_opened_as_one(pools: bool, pooling: int) -> None:
    """A text is embedded in one piece; how, is the file's to say, and else the mean of its tokens."""
    made = parameters(xllamacpp, Order("e", "e.gguf", True, pools, 700, 2, 1, "k"))
    assert (made.embedding, made.n_batch, made.n_ubatch, made.pooling_type) == (True, 700, 700, pooling)
    assert made.kv_unified


def test_what_is_missing_is_named() -> None:
    """The extra, or the library that a slim image lacks, each with the command that helps."""
    extra = import_fault("No module named 'xllamacpp'")
    assert "pip install 'tollbar[local]'" in extra["hint"]
    library = import_fault("libgomp.so.1: cannot open shared object file: No such file or directory")
    assert "libgomp1" in library["hint"]


def test_an_old_processor_is_named() -> None:
    """Instead of an illegal instruction; a processor that says nothing is tried."""
    assert cpu_fault("flags\t\t: fpu sse2 avx avx2 fma\n") is None
    assert cpu_fault("Features : asimd\n") is None
    assert cpu_fault("") is None
    found = cpu_fault("processor: 0\nflags\t\t: fpu sse2 avx\n")
    assert found is not None
    assert "AVX2 and FMA" in found["fault"]
    assert "Ollama" in found["hint"]
