"""Compiles the statements over the responses that are kept."""

from typing import Any

from sqlalchemy import Integer, Select, bindparam, func, literal_column, select, tuple_

from tollbar.storage.dialects import Compiler
from tollbar.storage.ledger_sql import ZERO
from tollbar.storage.schema import responses
from tollbar.storage.statements import ANSWERS_PRUNED_AT_ONCE, MOST_TURNS, ResponseSql

SOME = literal_column(str(ANSWERS_PRUNED_AT_ONCE))
TOLD = ("key_id", "id", "previous", "provider", "model", "items", "document")
"""The columns of a response, in the order of its fields."""


def response_sql(to: Compiler) -> ResponseSql:
    """Every one of them."""
    r = responses.c
    key_id, until = bindparam("key_id"), bindparam("until")
    is_meant = (r.key_id == key_id) & (r.id == bindparam("id"))
    is_kept = r.until > bindparam("now")
    kept = to.insert(responses).values({column.name: bindparam(column.name) for column in r})
    again = {column.name: kept.excluded[column.name] for column in r if not column.primary_key}
    found = select(*(r[name] for name in TOLD)).where(is_meant, is_kept)
    old = select(r.key_id, r.id).where(r.until < bindparam("before")).limit(SOME).offset(ZERO)
    so_far = func.sum(r.size).over(partition_by=r.key_id, order_by=(r.at.desc(), r.id)).label("so_far")
    sizes = select(r.key_id, r.id, so_far).subquery("sizes")
    too_many = select(sizes.c.key_id, sizes.c.id).where(sizes.c.so_far > bindparam("most"))
    return ResponseSql(
        keep=to.text(kept.on_conflict_do_update(index_elements=[r.key_id, r.id], set_=again)),
        prolong=to.text(responses.update().values(until=until).where(is_meant, r.until < bindparam("before"))),
        find=to.text(found),
        thread=to.text(_thread()),
        remove=to.text(responses.delete().where(is_meant)),
        prune=to.text(responses.delete().where(tuple_(r.key_id, r.id).in_(old))),
        crowded=to.text(too_many.limit(SOME).offset(ZERO)),
    )


def _thread() -> Select[*tuple[Any, ...]]:
    """A response and those before it, the oldest first."""
    r = responses.c
    is_kept = r.until > bindparam("now")
    told = [r[name] for name in TOLD]
    first = (
        select(*told, r.size.label("total"), literal_column("0", Integer).label("depth"))
        .where(r.key_id == bindparam("key_id"), r.id == bindparam("id"), is_kept)
        .cte("thread", recursive=True)
    )
    before = (
        select(*told, first.c.total + r.size, first.c.depth + literal_column("1", Integer))
        .join_from(first, responses, (r.key_id == first.c.key_id) & (r.id == first.c.previous))
        .where(is_kept, first.c.total + r.size <= bindparam("most"), first.c.depth < literal_column(str(MOST_TURNS)))
    )
    whole = first.union_all(before)
    return select(*(whole.c[name] for name in TOLD)).order_by(whole.c.depth.desc())
