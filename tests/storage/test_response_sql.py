"""The statements over responses, for each database; that they do what they should is in the suite of contracts."""

import re
from dataclasses import fields

import pytest

from tollbar.domain.responses import KeptResponse
from tollbar.storage.dialects import Compiler, Dialect
from tollbar.storage.response_sql import TOLD, response_sql


@pytest.mark.parametrize("dialect", list(Dialect))
def test_both_databases_are_told_the_same(dialect: Dialect) -> None:
    """With the same parameters, none of them positional."""
    made, other = response_sql(Compiler(dialect)), response_sql(Compiler(Dialect.SQLITE))
    for field in fields(made):
        text, same = getattr(made, field.name), getattr(other, field.name)
        assert re.findall(r":\w+", text.replace("::", "")) == re.findall(r":\w+", same)
        assert "?" not in text


def test_a_row_is_a_response() -> None:
    """Its columns are the fields, in their order."""
    assert KeptResponse._fields == TOLD
