"""The rows for the dialects: each names an address that there is, and none is forgotten."""

import pytest

from tollbar.cli.client import Reply
from tollbar.cli.dialect_probes import DIALECT_PROBES, says
from tollbar.cli.probes import LAST_PROBES, PROBES
from tollbar.edge.routes import CALLS, PAGES, public_path

ADDRESSES = {(method, public_path(row.path)) for row in (*CALLS, *PAGES) for method in row.methods}


def test_every_row_is_for_an_address_that_there_is() -> None:
    """A row for none would never be run, and nobody would notice."""
    assert {(probe.method, probe.path) for probe in DIALECT_PROBES} - ADDRESSES == set()


def test_every_address_of_a_call_has_a_row() -> None:
    """So that the smoke test of a new server is whole."""
    rows = {(probe.method, probe.path) for probe in (*PROBES, *DIALECT_PROBES, *LAST_PROBES)}
    assert {(row.method, public_path(row.path)) for row in CALLS} - rows == set()


@pytest.mark.parametrize(("body", "fault"), [(b"one two", ""), (b"two", "lacks one"), (b"", "lacks one, two")])
def test_a_stream_must_say_what_belongs_to_it(body: bytes, fault: str) -> None:
    """Each of the words, wherever."""
    assert says(b"one", b"two")(Reply(200, {}, body)) == fault
