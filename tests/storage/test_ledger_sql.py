"""The ledger's statements, for each database; that SQLite takes them and finds by index is in `test_compiling.py`."""

import re
from dataclasses import fields

import pytest

from tollbar.storage.dialects import Compiler, Dialect
from tollbar.storage.ledger_sql import ledger_sql
from tollbar.storage.statements import Rows


@pytest.mark.parametrize("dialect", list(Dialect))
def test_both_databases_are_told_the_same(dialect: Dialect) -> None:
    """With the same parameters, none of them positional but in rows."""
    made, other = ledger_sql(Compiler(dialect)), ledger_sql(Compiler(Dialect.SQLITE))
    for field in fields(made):
        text, same = getattr(made, field.name), getattr(other, field.name)
        if isinstance(text, Rows):
            assert text.row == same.row
        else:
            assert re.findall(r":\w+", text.replace("::", "")) == re.findall(r":\w+", same)
            assert "?" not in text
