"""Keys from elsewhere: the forms that are read, and what becomes of them."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.admin.desk import Desk
from tollbar.admin.importing import RotatingImport, TableImport, import_table, read_import
from tollbar.domain.errors import InvalidValue
from tollbar.domain.money import Unit

pytestmark = pytest.mark.anyio

TIERS = ("basic", "premium")
TABLE = {"key1": {"credits": 100, "tier": "basic"}, "key2": {"credits": 500, "tier": "premium"}}
SOURCE = """
import os
from fastapi import FastAPI

app = FastAPI()
# More sophisticated credit system
API_KEYS = {
    "key1": {"credits": 100, "tier": "basic"},
    "key2": {"credits": 500, "tier": "premium"}
}
TIER_CREDIT_COST = {"basic": 2, "premium": 1}
raise SystemExit("nobody runs this")
"""


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (
            '{"api_key": "sk-0123456789abcdef", "expiry": "2024-01-15T10:30:00"}',
            datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
        ),
        (
            '{"key": "sk-0123456789abcdef", "expires_at": "2024-01-15T10:30:00+02:00"}',
            datetime(2024, 1, 15, 8, 30, tzinfo=UTC),
        ),
    ],
)
def test_the_file_of_a_rotating_key(text: str, moment: datetime) -> None:
    """The key and its end; a time without a zone is UTC."""
    assert read_import(text) == RotatingImport("sk-0123456789abcdef", moment)


@pytest.mark.parametrize("text", [json.dumps(TABLE), SOURCE, SOURCE.replace("API_KEYS =", "API_KEYS_CREDITS =")])
def test_a_table_of_keys(text: str) -> None:
    """As JSON, and as the source that holds it, which is not run."""
    found = read_import(text)
    assert isinstance(found, TableImport)
    assert [(secret, draft.credits, draft.tier) for secret, draft in found.rows.items()] == [
        ("key1", 100, "basic"),
        ("key2", 500, "premium"),
    ]


def test_a_table_of_credits_alone() -> None:
    """The simpler form."""
    found = read_import('API_KEYS_CREDITS = {"secret": 5}')
    assert isinstance(found, TableImport)
    assert found.rows["secret"].credits == 5


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "null", "just words", "x = 1", "\x00", "{1: 2}", '{"a": "b"}', '{"a": {"credits": "5"}}'),
        *('{"a": {"credits": 5, "role": "admin"}}', '{"a": true}', '{"a": [1]}', '{" a": 5}', '{"a\\n": 5}', '{"": 5}'),
        *('{"a": {"tier": 5}}', '{"ä": 5}', 'API_KEYS = {os.getenv("x"): 5}', '{"api_key": "k", "expiry": "soon"}'),
        *('{"api_key": "", "expiry": "2024-01-15"}', "(" * 1_000),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """With the forms that there are, and without a part of it."""
    with pytest.raises(InvalidValue) as refused:
        read_import(text)
    assert refused.value.field == "file"


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading(text: str) -> None:
    """Every file is read or refused, and nothing else happens."""
    with suppress(InvalidValue):
        read_import(text)


async def test_imported_keys_work_as_they_are(desk: Desk) -> None:
    """With their credits and tier; their secrets are in no name and no hint."""
    found = read_import(json.dumps({**TABLE, "a-much-longer-secret-key": 7}))
    assert isinstance(found, TableImport)
    imported = await import_table(desk.keys, desk.clock, desk.digest, found, TIERS)
    assert [(key.name, key.hint, key.tier) for key in imported.keys] == [
        ("imported-1", "…", "basic"),
        ("imported-2", "…", "premium"),
        ("imported-3", "…-key", ""),
    ]
    assert [(one.id.unit, one.granted) for key in imported.keys for one in key.allowances] == [
        (Unit.CREDITS, 100),
        (Unit.CREDITS, 500),
        (Unit.CREDITS, 7),
    ]
    holders = [await desk.holder(secret) for secret in (*TABLE, "a-much-longer-secret-key")]
    assert [holder.key_id for holder in holders if holder] == [key.id for key in imported.keys]


async def test_importing_again_adds_what_is_missing(desk: Desk) -> None:
    """What was spent meanwhile is not granted anew."""
    small, large = read_import('{"key1": 5}'), read_import('{"key1": 9, "key2": 9}')
    assert isinstance(small, TableImport)
    assert isinstance(large, TableImport)
    await import_table(desk.keys, desk.clock, desk.digest, small, TIERS)
    again = await import_table(desk.keys, desk.clock, desk.digest, large, TIERS)
    assert ([key.name for key in again.keys], again.known) == (["imported-2"], 1)
    assert [(await desk.keys.list())[place].allowances[0].granted for place in range(2)].count(5) == 1


@pytest.mark.parametrize("row", [{"tier": "gold"}, {"credits": -1}, {"credits": 10**12}])
async def test_a_fault_anywhere_stops_all_of_it(desk: Desk, row: dict[str, object]) -> None:
    """Nothing is added when a later row is wrong."""
    found = read_import(json.dumps({"key1": 5, "key2": row}))
    assert isinstance(found, TableImport)
    with pytest.raises(InvalidValue):
        await import_table(desk.keys, desk.clock, desk.digest, found, TIERS)
    assert await desk.keys.list() == []
