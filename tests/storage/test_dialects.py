"""Statements as each database wants them."""

from sqlalchemy import bindparam, select

from tollbar.storage.dialects import Compiler, Dialect, total
from tollbar.storage.schema import holds, ledger


def test_lists_and_tables_come_as_one_parameter() -> None:
    """In each database's own words for JSON."""
    texts = {}
    for dialect in Dialect:
        to = Compiler(dialect)
        deltas = to.table("deltas", "allowance", "amount")
        statement = select(deltas.c.amount).where(deltas.c.allowance.in_(to.numbers("numbers")))
        texts[dialect] = " ".join(to.text(statement).split())
    assert "json_each(:deltas)" in texts[Dialect.SQLITE]
    assert "json_extract(anon_1.value, '$[1]') AS amount" in texts[Dialect.SQLITE]
    assert "json_array_elements(CAST(:numbers AS JSON))" in texts[Dialect.POSTGRES]
    assert "CAST(anon_1.value ->> 1 AS BIGINT) AS amount" in texts[Dialect.POSTGRES]


def test_rows_are_cut_into_what_is_repeated() -> None:
    """The head, one row and the rest make the statement; a number that the database gives is left out."""
    for dialect in Dialect:
        rows = Compiler(dialect).rows(ledger, without="id")
        assert rows.row == f"({', '.join('?' * (len(ledger.c) - 1))})"
        assert rows.head.startswith("INSERT INTO ledger (request_id, attempt,")
        assert rows.tail == ""


def test_sums_stay_whole_numbers() -> None:
    """Postgres would make decimals of them."""
    text = Compiler(Dialect.POSTGRES).text(select(total(holds.c.amount)).where(holds.c.process == bindparam("process")))
    assert "CAST(sum(holds.amount) AS BIGINT)" in text
    assert ":process" in text
