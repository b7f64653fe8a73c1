"""Seals, and what the audit tells of a change."""

from datetime import UTC, datetime
from typing import Any

from tollbar.domain.audit import FIRST, Entry, differing, seal, told_of
from tollbar.domain.identity import Key, Permission
from tollbar.domain.teams import Team

AT = datetime(2026, 1, 1, tzinfo=UTC)
ENTRY = Entry(1, AT, "ana", "key.create", "k", "{}", '{"name":"n"}', None, b"")


def test_a_seal_is_over_all_that_an_entry_says() -> None:
    """Another word anywhere, or another entry before it, is another seal; its own seal is not a part."""
    sealed = seal(FIRST, ENTRY)
    changed: dict[str, Any] = dict(zip(ENTRY._fields[:-1], (2, AT.replace(day=2), *"abcdef"), strict=True))
    others = [ENTRY._replace(**{name: value}) for name, value in changed.items()]
    assert len({sealed, seal(sealed, ENTRY), *(seal(FIRST, other) for other in others)}) == len(others) + 2
    assert seal(FIRST, ENTRY._replace(seal=sealed)) == sealed


def test_what_stays_is_not_told() -> None:
    """And what came or went is told on the side that has it."""
    assert differing({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "d": 4}) == ('{"b":2,"c":3}', '{"b":5,"d":4}')


def test_no_part_of_a_secret_is_told() -> None:
    """Neither the hint, whose last four characters are the secret's, nor the address that a key is bound to."""
    key = Key("id", "n", "sk-toll-…x7Qd", Permission.CALL, AT, bound_to=b"digest")
    assert "x7Qd" not in str(told_of(key))
    assert "digest" not in str(told_of(key))
    assert "tier" not in told_of(Team("team_a", "n", AT))
