"""Ledger lines as rows, and as what a hold keeps."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.making import AT, DOLLAR, a_directory, a_line, an_estimate
from tollbar.domain.records import Outcome, Provenance
from tollbar.domain.usage import Usage
from tollbar.storage.compiling import compile_statements
from tollbar.storage.engine import DATABASE, Database
from tollbar.storage.lines import late, lost, to_json, to_row
from tollbar.storage.times import microseconds

USAGE = Usage(1, 2, 3, 4, 5, 6, 7)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A new store whose rows have names."""
    with closing(Database(a_directory(tmp_path) / DATABASE).writer()) as made:
        made.row_factory = sqlite3.Row
        yield made


def test_each_figure_has_its_column(connection: sqlite3.Connection) -> None:
    """What was written under a name is found under it."""
    line = a_line(
        usage=USAGE, attempt=2, paid=False, cost_nano_dollars=None, price_version=None, items=(), end_user="user_a"
    )
    compile_statements().ledger.insert_lines.insert(connection, [to_row(line)])
    assert dict(connection.execute("SELECT * FROM ledger").fetchone()) == {
        "id": 1,
        "request_id": "r1",
        "attempt": 2,
        "key_id": "somebody",
        "model": "smart",
        "target": "main/m",
        "outcome": "ok",
        "provenance": "provider_final",
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "cached_read_tokens": 3,
        "cached_write_tokens": 4,
        "reasoning_tokens": 5,
        "audio_prompt_tokens": 6,
        "audio_completion_tokens": 7,
        "paid": 0,
        "credits": 1,
        "cost_nano_dollars": None,
        "price_version": None,
        "items": "[]",
        "at": microseconds(AT),
        "flag": None,
        "end_user": "user_a",
    }


def test_items_explain_a_charge() -> None:
    """They are kept as JSON: what kind of tokens, how many, and their price."""
    assert to_row(a_line())[18] == '[["prompt",120,1000000],["completion",30,2666667]]'


def test_an_overrun_is_flagged_on_what_the_caller_pays() -> None:
    """Lines on the installation are not; a flag that is there stays where there is no overrun."""
    flags = [to_row(line, is_overrun=True)[-2] for line in (a_line(), a_line(paid=False))]
    assert (flags, to_row(a_line(flag="x"))[-2]) == (["overrun", None], "x")


def test_a_hold_keeps_enough_for_the_line_of_a_lost_call() -> None:
    """The line is the estimate, without credits, marked for what it is."""
    estimate = an_estimate(usage=USAGE, attempt=3, paid=True, credits=4)
    made = lost(to_json(estimate), "r1", AT, is_paid=True)
    assert made == an_estimate(usage=USAGE, attempt=3, flag="estimate")
    assert (made.outcome, made.provenance, made.cost_nano_dollars) == (
        *(Outcome.LOST, Provenance.ESTIMATE),
        DOLLAR // 5,
    )
    assert not lost(to_json(estimate), "r1", AT, is_paid=False).paid


def test_a_late_line_charges_nothing() -> None:
    """It says what the call cost, and that the caller's allowances did not pay it."""
    assert late(a_line()) == a_line(paid=False, flag="late")


@pytest.mark.parametrize("text", ["naïve ☃", 'quote " and \\', "line\nbreak", "nul \x00 end"])
def test_any_text_is_kept(connection: sqlite3.Connection, text: str) -> None:
    """Names come back as they were."""
    line = a_line(model=text, target=text)
    compile_statements().ledger.insert_lines.insert(connection, [to_row(line)])
    assert tuple(connection.execute("SELECT model, target FROM ledger").fetchone()) == (text, text)
    assert lost(to_json(line), "r1", AT, is_paid=True).model == text


def test_half_a_character_is_replaced(connection: sqlite3.Connection) -> None:
    """A caller's JSON can hold what no file can; the money it costs is written all the same."""
    line = a_line(model="a\ud800b", target="main/\udfff")
    compile_statements().ledger.insert_lines.insert(connection, [to_row(line)])
    assert tuple(connection.execute("SELECT model, target FROM ledger").fetchone()) == ("a?b", "main/?")
    assert lost(to_json(line), "r1", AT, is_paid=True).model == "a?b"
