"""Compiles the store's SQL from the tables of `schema.py`, for the database that is meant."""

from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, func, insert, literal_column, or_, select

from tollbar.domain.identity import KeyKind
from tollbar.storage.dialects import Compiler, Dialect, total
from tollbar.storage.ledger_sql import ZERO, ledger_sql
from tollbar.storage.schema import allowances, changes, holds, keys, requests, rotation, secrets
from tollbar.storage.statements import KeySql, RequestSql, RotationSql, Statements

ONE: ColumnElement[int] = literal_column("1")
SELF_SERVICE = f"'{KeyKind.SELF_SERVICE.value}'"
"""As a literal: SQLite uses the index of these keys only where it sees that they alone are asked for."""


def compile_statements(dialect: str = Dialect.SQLITE) -> Statements:
    """Every statement."""
    to = Compiler(Dialect(dialect))
    return Statements(ledger_sql(to), _keys(to), _rotation(to), _requests(to))


def _keys(to: Compiler) -> KeySql:
    k, s, a = keys.c, secrets.c, allowances.c
    key_id = bindparam("key_id")
    find = (
        select(
            *(k.id, k.name, k.permission, k.kind, k.tier, k.bound_to, k.models, k.limits, k.expires_at, k.revoked_at),
            *(s.valid_until, a.id, a.unit),
        )
        .join_from(secrets, keys, k.id == s.key_id)
        .outerjoin(allowances, a.key_id == k.id)
        .where(s.digest == bindparam("digest"))
        .order_by(a.id)
    )
    is_self_service = k.kind == literal_column(SELF_SERVICE)
    listed = select(keys).order_by(k.created_at.desc(), k.id)
    change = keys.update().values(version=k.version + ONE, hint=func.coalesce(bindparam("hint"), k.hint))
    for name in ("name", "tier", "revoked_at", "models", "limits"):
        change = change.values({name: func.coalesce(bindparam(f"new_{name}"), keys.c[name])})
    expiry = func.coalesce(bindparam("new_expires_at"), k.expires_at)
    change = change.values(
        expires_at=case((bindparam("never_expires") == ONE, None), else_=expiry),
        bound_to=case((bindparam("unbinds") == ONE, None), else_=k.bound_to),
    )
    until = bindparam("until")
    retire = secrets.update().values(valid_until=until).where(or_(s.valid_until.is_(None), s.valid_until > until))
    regrant = allowances.update().values(
        granted=bindparam("amount"),
        reset=bindparam("reset"),
        period_end=case((a.reset == bindparam("reset"), a.period_end), else_=bindparam("end")),
    )
    return KeySql(
        find=to.text(find),
        insert_key=to.text(insert(keys)),
        insert_secret=to.text(insert(secrets)),
        insert_allowance=to.text(insert(allowances).values({c.name: bindparam(c.name) for c in a if c.name != "id"})),
        keys=to.text(listed),
        key=to.text(listed.where(k.id == key_id)),
        id_of_name=to.text(select(k.id).where(k.name == bindparam("name"))),
        id_of_bound=to.text(select(k.id).where(k.bound_to == bindparam("bound_to"), is_self_service)),
        standings=to.text(_standings()),
        standing=to.text(_standings().where(a.key_id == key_id)),
        change_key=to.text(change.where(k.id == key_id)),
        retire_secrets=to.text(retire.where(s.key_id == key_id)),
        regrant=to.text(regrant.where(a.id == bindparam("allowance"))),
        note_change=to.text(changes.update().values(number=changes.c.number + ONE)),
        changes=to.text(select(changes.c.number)),
    )


def _rotation(to: Compiler) -> RotationSql:
    r = rotation.c
    found = select(r.number, r.key_id, r.sealed, r.created_at, r.expires_at, keys.c.revoked_at)
    put = to.insert(rotation).values(
        {column.name: bindparam(column.name) for column in r if column.name != "id"} | {"id": ONE}
    )
    columns = {column.name: put.excluded[column.name] for column in r if column.name != "id"}
    return RotationSql(
        find=to.text(found.join_from(rotation, keys, keys.c.id == r.key_id)),
        put=to.text(put.on_conflict_do_update(index_elements=[r.id], set_=columns)),
    )


def _standings() -> Select[*tuple[Any, ...]]:
    """Allowances with the sum of their open holds; what is leased beyond that is free for the next call."""
    a = allowances.c
    held = (
        select(holds.c.allowance, holds.c.period_start, total(holds.c.amount).label("amount"))
        .group_by(holds.c.allowance, holds.c.period_start)
        .subquery("held")
    )
    return (
        select(
            *(a.key_id, a.id, a.unit, a.granted, a.spent, func.coalesce(held.c.amount, ZERO)),
            *(a.reset, a.period_end),
        )
        .outerjoin_from(allowances, held, (held.c.allowance == a.id) & (held.c.period_start == a.period_start))
        .order_by(a.id)
    )


def _requests(to: Compiler) -> RequestSql:
    r = requests.c
    is_kept = (r.id < bindparam("end")) & (r.at >= bindparam("before"))
    return RequestSql(
        insert=to.rows(requests, without="id"),
        find=to.text(
            select(*(column for column in r if column.name != "id"))
            .where(r.request_id == bindparam("request_id"))
            .order_by(r.id.desc())
        ),
        oldest=to.text(select(func.min(r.id))),
        first_kept=to.text(select(func.min(r.id)).where(is_kept)),
        prune=to.text(requests.delete().where(r.id < bindparam("end"))),
    )
