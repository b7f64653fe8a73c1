"""What is read of events and documents."""

import msgspec
import pytest

from tollbar.domain.errors import StreamBroken
from tollbar.domain.usage import MOST_TOKENS, Usage
from tollbar.wire.anthropic import scan


def test_reports_follow_each_other() -> None:
    """What a later one leaves out, or says is nothing, stays as it was."""
    first = scan.Report(input_tokens=5, cache_read_input_tokens=2)
    both = scan.later(first, scan.Report(output_tokens=3, cache_read_input_tokens=0))
    assert scan.usage(both) == Usage(7, 3, 2)


def test_impossible_figures_are_read_as_the_nearest_possible() -> None:
    """They would not fit the ledger."""
    assert scan.usage(scan.Report(input_tokens=-1, output_tokens=10**30)) == Usage(0, MOST_TOKENS)


def test_blocks_of_unknown_kinds_are_blocks() -> None:
    """Known by nothing else."""
    assert scan.block(msgspec.Raw(b'{"type": 5}')) == scan.Block()
    assert scan.citations(msgspec.Raw(b'{"no": "list"}')) == []


@pytest.mark.parametrize(
    ("error", "told"),
    [(b'{"message": "No."}', "No."), (b'"No."', "No."), (b"{", "one that cannot be told"), (b"null", "None")],
)
def test_errors_are_told_in_their_words(error: bytes, told: str) -> None:
    """Whatever their shape."""
    assert scan.told_error(msgspec.Raw(error)) == told


@pytest.mark.parametrize("raw", [b"", b"5", b"[" * 100_000])
def test_what_is_no_event_is_broken(raw: bytes) -> None:
    """However deep."""
    with pytest.raises(StreamBroken):
        scan.event(raw)
    with pytest.raises(StreamBroken):
        scan.document(raw)


def test_what_is_kept_for_an_hour_is_a_part_of_what_was_written() -> None:
    """Told beside the sum or in its place; more than the sum it cannot be."""
    hour = scan.CacheCreation(ephemeral_5m_input_tokens=3, ephemeral_1h_input_tokens=4)
    both = scan.Report(input_tokens=1, cache_creation_input_tokens=7, cache_creation=hour)
    alone = scan.Report(input_tokens=1, cache_creation=hour)
    assert scan.usage(both) == scan.usage(alone) == Usage(8, 0, 0, 7, cached_write_hour_tokens=4)
    odd = scan.Report(cache_creation_input_tokens=2, cache_creation=hour)
    assert scan.usage(odd) == Usage(2, cached_write_tokens=2, cached_write_hour_tokens=2)
