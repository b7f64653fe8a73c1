"""Compiles the store's SQL from the tables of `schema.py`.

Statements over many rows take them as one JSON parameter, so that their number does not grow with the batch; plain
INSERTs take values, which costs SQLite a third of reading JSON.
"""

from typing import Any

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Table,
    Update,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.dialects.sqlite import insert as insert_or

from tollbar.domain.identity import KeyKind
from tollbar.storage.schema import (
    allowances,
    changes,
    holds,
    keys,
    leases,
    ledger,
    processes,
    recalls,
    requests,
    rotation,
    secrets,
)
from tollbar.storage.statements import KeySql, LedgerSql, RequestSql, RotationSql, Rows, Statements

# Written into the text: what stays a parameter is what the callers pass.
ZERO: ColumnElement[int] = literal_column("0")
ONE: ColumnElement[int] = literal_column("1")
SELF_SERVICE = f"'{KeyKind.SELF_SERVICE.value}'"
"""As a literal: SQLite uses the index of these keys only where it sees that they alone are asked for."""


def compile_statements() -> Statements:
    """Every statement, for SQLite."""
    return Statements(_ledger(), _keys(), _rotation(), _requests())


def _ledger() -> LedgerSql:
    deltas = _table("deltas", "allowance", "period", "spent", "leased")
    wanted = _table("deltas", "allowance", "amount")
    left = allowances.c.granted - allowances.c.spent - allowances.c.leased
    process = processes.c.id == bindparam("process")
    charge = (
        allowances.update()
        .values(spent=allowances.c.spent + deltas.c.spent, leased=allowances.c.leased - deltas.c.leased)
        .where(allowances.c.id == deltas.c.allowance, allowances.c.period_start == deltas.c.period)
    )
    reduce_leases = (
        leases.update()
        .values(amount=leases.c.amount - deltas.c.leased)
        .where(leases.c.allowance == deltas.c.allowance, leases.c.process == bindparam("process"))
        .where(leases.c.period_start == deltas.c.period)
    )
    lease = (
        allowances.update()
        .values(leased=allowances.c.leased + wanted.c.amount)
        .where(allowances.c.id == wanted.c.allowance, or_(wanted.c.amount <= ZERO, left >= wanted.c.amount))
    )
    begin_period = (
        allowances.update()
        .values(spent=ZERO, leased=ZERO, period_start=bindparam("start"), period_end=bindparam("end"))
        .where(allowances.c.id == bindparam("allowance"))
    )
    made = insert_or(leases)
    insert_leases = made.on_conflict_do_update(
        index_elements=[leases.c.allowance, leases.c.process],
        set_={"amount": leases.c.amount + made.excluded.amount},
    )
    asked = insert_or(recalls)
    recall = asked.on_conflict_do_update(index_elements=[recalls.c.allowance], set_={"at": asked.excluded.at})
    is_stale = or_(processes.c.heartbeat_at < bindparam("before"), processes.c.slot == bindparam("slot"))
    return LedgerSql(
        insert_process=_text(
            insert(processes)
            .values(started_at=bindparam("at"), heartbeat_at=bindparam("at"), slot=bindparam("slot"))
            .returning(processes.c.id)
        ),
        find_process=_text(select(processes.c.id).where(process)),
        beat=_text(processes.update().values(heartbeat_at=bindparam("at")).where(process)),
        stale_processes=_text(select(processes.c.id).where(processes.c.id != bindparam("process"), is_stale)),
        insert_holds=_rows(holds),
        end_holds=_text(holds.delete().where(holds.c.reservation.in_(_list("reservations")))),
        charge=_text(charge),
        charge_unheld=_text(
            allowances.update()
            .values(spent=allowances.c.spent + bindparam("amount"))
            .where(allowances.c.id == bindparam("allowance"))
        ),
        reduce_leases=_text(reduce_leases),
        insert_lines=_rows(ledger, without="id"),
        last_attempt=_text(select(func.max(ledger.c.attempt)).where(ledger.c.request_id == bindparam("request_id"))),
        balances=_text(_balances().where(allowances.c.id.in_(_list("allowances")))),
        begin_period=_text(begin_period),
        void_leases=_text(leases.delete().where(leases.c.allowance == bindparam("allowance"))),
        idle_elsewhere=_text(_idle_elsewhere()),
        recall=_rows_of(recall, recalls),
        recalled=_text(select(recalls.c.allowance, recalls.c.at)),
        forget_recalls=_text(recalls.delete().where(recalls.c.at < bindparam("before"))),
        lease=_text(lease),
        insert_leases=_rows_of(insert_leases, leases),
        open_holds=_text(_open_holds()),
        return_leases=_text(_return_leases()),
        delete_holds=_text(holds.delete().where(holds.c.process.in_(_list("processes")))),
        delete_leases=_text(leases.delete().where(leases.c.process.in_(_list("processes")))),
        delete_processes=_text(processes.delete().where(processes.c.id.in_(_list("processes")))),
    )


def _balances() -> Select[*tuple[Any, ...]]:
    a = allowances.c
    return select(a.id, a.granted, a.spent, a.leased, a.reset, a.period_start, a.period_end)


def _open_holds() -> Select[*tuple[Any, ...]]:
    h = holds.c
    return (
        select(h.reservation, h.allowance, allowances.c.unit, h.period_start, h.request_id, h.at, h.estimate)
        .join_from(holds, allowances, allowances.c.id == h.allowance)
        .where(h.process.in_(_list("processes")))
        .order_by(h.reservation, h.allowance)
    )


def _idle_elsewhere() -> Select[*tuple[Any, ...]]:
    """What other processes leased of some allowances and no call of theirs holds, where there is any."""
    h, others = holds.c, leases.c.process != bindparam("process")
    held = (
        select(func.coalesce(func.sum(h.amount), ZERO))
        .where(h.allowance == leases.c.allowance, h.process == leases.c.process)
        .where(h.period_start == leases.c.period_start)
        .scalar_subquery()
    )
    found = select(leases.c.allowance, (leases.c.amount - held).label("idle")).where(
        leases.c.allowance.in_(_list("allowances")), others
    )
    idle = found.subquery("idle")
    return select(idle.c.allowance, func.sum(idle.c.idle)).where(idle.c.idle > ZERO).group_by(idle.c.allowance)


def _return_leases() -> Update:
    lost = (
        select(leases.c.allowance, leases.c.period_start, func.sum(leases.c.amount).label("amount"))
        .where(leases.c.process.in_(_list("processes")))
        .group_by(leases.c.allowance, leases.c.period_start)
        .subquery("lost")
    )
    return (
        allowances.update()
        .values(leased=allowances.c.leased - lost.c.amount)
        .where(allowances.c.id == lost.c.allowance, allowances.c.period_start == lost.c.period_start)
    )


def _keys() -> KeySql:
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
        find=_text(find),
        insert_key=_text(insert(keys)),
        insert_secret=_text(insert(secrets)),
        insert_allowance=_text(insert(allowances).values({c.name: bindparam(c.name) for c in a if c.name != "id"})),
        keys=_text(listed),
        key=_text(listed.where(k.id == key_id)),
        id_of_name=_text(select(k.id).where(k.name == bindparam("name"))),
        id_of_bound=_text(select(k.id).where(k.bound_to == bindparam("bound_to"), is_self_service)),
        standings=_text(_standings()),
        standing=_text(_standings().where(a.key_id == key_id)),
        change_key=_text(change.where(k.id == key_id)),
        retire_secrets=_text(retire.where(s.key_id == key_id)),
        regrant=_text(regrant.where(a.id == bindparam("allowance"))),
        note_change=_text(changes.update().values(number=changes.c.number + ONE)),
        changes=_text(select(changes.c.number)),
    )


def _rotation() -> RotationSql:
    r = rotation.c
    found = select(r.number, r.key_id, r.sealed, r.created_at, r.expires_at, keys.c.revoked_at)
    put = insert_or(rotation).values(
        {column.name: bindparam(column.name) for column in r if column.name != "id"} | {"id": ONE}
    )
    columns = {column.name: put.excluded[column.name] for column in r if column.name != "id"}
    return RotationSql(
        find=_text(found.join_from(rotation, keys, keys.c.id == r.key_id)),
        put=_text(put.on_conflict_do_update(index_elements=[r.id], set_=columns)),
    )


def _standings() -> Select[*tuple[Any, ...]]:
    """Allowances with the sum of their open holds; what is leased beyond that is free for the next call."""
    a = allowances.c
    held = (
        select(holds.c.allowance, holds.c.period_start, func.sum(holds.c.amount).label("amount"))
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


def _requests() -> RequestSql:
    r = requests.c
    is_kept = (r.id < bindparam("end")) & (r.at >= bindparam("before"))
    return RequestSql(
        insert=_rows(requests, without="id"),
        find=_text(
            select(*(column for column in r if column.name != "id"))
            .where(r.request_id == bindparam("request_id"))
            .order_by(r.id.desc())
        ),
        oldest=_text(select(func.min(r.id))),
        first_kept=_text(select(func.min(r.id)).where(is_kept)),
        prune=_text(requests.delete().where(r.id < bindparam("end"))),
    )


def _text(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=dialect(paramstyle="named")))


def _rows(table: Table, without: str = "") -> Rows:
    return _rows_of(insert_or(table), table, without)


def _rows_of(statement: ClauseElement, table: Table, without: str = "") -> Rows:
    names = [column.name for column in table.c if column.name != without]
    text = str(statement.compile(dialect=dialect(paramstyle="qmark"), column_keys=names))
    row = f"({', '.join('?' * len(names))})"
    head, _, tail = text.partition(row)
    return Rows(head, row, tail)


def _list(parameter: str) -> Select[int]:
    """The values of a JSON array parameter."""
    return select(_elements(bindparam(parameter)).c.value)


def _table(parameter: str, *columns: str) -> Subquery:
    """The rows of a parameter that is a JSON array of arrays, as a table with these columns."""
    elements = _elements(bindparam(parameter))
    fields: list[ColumnElement[int]] = [
        func.json_extract(elements.c.value, literal_column(f"'$[{place}]'")).label(column)
        for place, column in enumerate(columns)
    ]
    return select(*fields).subquery(parameter)


def _elements(parameter: BindParameter[str]) -> FromClause:
    return func.json_each(parameter).table_valued("value")
