"""The statements over end users and usage, for each database; that SQLite takes them is in `test_compiling.py`."""

import re
from dataclasses import fields

import pytest

from tollbar.storage.compiling import standings
from tollbar.storage.dialects import Compiler, Dialect
from tollbar.storage.people_sql import end_user_sql, usage_sql


@pytest.mark.parametrize("dialect", list(Dialect))
def test_both_databases_are_told_the_same(dialect: Dialect) -> None:
    """With the same parameters, none of them positional."""
    for make in (lambda to: end_user_sql(to, standings()), usage_sql):
        made, other = make(Compiler(dialect)), make(Compiler(Dialect.SQLITE))
        for field in fields(made):
            text, same = getattr(made, field.name), getattr(other, field.name)
            assert re.findall(r":\w+", text.replace("::", "")) == re.findall(r":\w+", same)
            assert "?" not in text
