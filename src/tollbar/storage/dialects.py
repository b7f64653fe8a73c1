"""How a statement over the tables of `schema.py` becomes text, for SQLite and for Postgres.

What both can say SQLAlchemy writes. What they say differently is here: lists and tables that come as one JSON
parameter, so that the number of statements does not grow with a batch. Parameters are `:name`, and `?` in rows that are
inserted, which costs SQLite a third of reading JSON.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Table,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.types import JSON

from tollbar.storage.schema import NUMBER
from tollbar.storage.statements import Rows


class Dialect(StrEnum):
    """Whom statements are written for."""

    SQLITE = "sqlite"
    POSTGRES = "postgresql"


class Compiler:
    """Writes statements for one of them."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def text(self, statement: ClauseElement) -> str:
        """A statement with named parameters."""
        return str(statement.compile(dialect=self._of("named")))

    def insert(self, table: Table) -> Any:
        """An INSERT that may say what to do on a conflict; both have that, in classes of their own."""
        return postgresql.insert(table) if self._dialect is Dialect.POSTGRES else sqlite.insert(table)

    def rows(self, table: Table, without: str = "") -> Rows:
        """An INSERT of any number of rows."""
        return self.rows_of(self.insert(table).inline(), table, without)

    def rows_of(self, statement: ClauseElement, table: Table, without: str = "") -> Rows:
        """The same for an INSERT that is given."""
        names = [column.name for column in table.c if column.name != without]
        text = str(statement.compile(dialect=self._of("qmark"), column_keys=names))
        row = f"({', '.join('?' * len(names))})"
        head, _, tail = text.partition(row)
        return Rows(head, row, tail)

    def numbers(self, parameter: str) -> Select[int]:
        """The values of a JSON array of numbers."""
        value = self._elements(bindparam(parameter)).c.value
        if self._dialect is Dialect.POSTGRES:
            value = cast(value.op("#>>")(literal_column("'{}'")), NUMBER)
        return select(value)

    def table(self, parameter: str, *columns: str) -> Subquery:
        """The rows of a parameter that is a JSON array of arrays of numbers, as a table with these columns."""
        elements = self._elements(bindparam(parameter))
        fields = [self._field(elements.c.value, place).label(column) for place, column in enumerate(columns)]
        return select(*fields).subquery(parameter)

    def _field(self, element: ColumnElement[Any], place: int) -> ColumnElement[int]:
        if self._dialect is Dialect.POSTGRES:
            return cast(element.op("->>")(literal_column(str(place))), NUMBER)
        return func.json_extract(element, literal_column(f"'$[{place}]'"))

    def _elements(self, parameter: BindParameter[str]) -> FromClause:
        if self._dialect is Dialect.POSTGRES:
            return func.json_array_elements(cast(parameter, JSON)).table_valued("value")
        return func.json_each(parameter).table_valued("value")

    def _of(self, paramstyle: Any) -> Any:
        if self._dialect is Dialect.POSTGRES:
            return PGDialect(paramstyle=paramstyle)
        return sqlite.dialect(paramstyle=paramstyle)


def total(column: ColumnElement[int]) -> ColumnElement[int]:
    """The sum of a column, as a number of the columns' own kind: Postgres would make another of it."""
    return cast(func.sum(column), NUMBER)
