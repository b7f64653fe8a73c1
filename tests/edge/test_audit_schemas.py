"""How the audit is told."""

from datetime import UTC, datetime

from tollbar.domain.audit import Entry, Verified
from tollbar.edge.audit_schemas import EntryView, VerdictView

AT = datetime(2026, 11, 29, tzinfo=UTC)
ENTRY = Entry(1, AT, "ana", "key.update", "k", '{"name":"a"}', '{"name":"b"}', "req_1", b"\2" * 32)


def test_an_entry_tells_what_differs() -> None:
    """As values, with its seal in hexadecimal digits."""
    told = EntryView.of(ENTRY)
    assert (told.before, told.after, told.seal) == ({"name": "a"}, {"name": "b"}, "02" * 32)
    assert VerdictView.of(Verified(3, b"\1" * 32, 2)).wrong == 2
