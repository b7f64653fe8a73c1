"""Compiles the store's SQL from the tables of `schema.py`, for the database that is meant."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    tuple_,
)

from tollbar.domain.identity import KeyKind
from tollbar.domain.teams import INSTALLATION
from tollbar.storage.alert_sql import alert_sql
from tollbar.storage.dialects import Compiler, Dialect, total
from tollbar.storage.ledger_sql import ZERO, ledger_sql
from tollbar.storage.people_sql import end_user_sql, is_end_users, usage_sql
from tollbar.storage.response_sql import response_sql
from tollbar.storage.schema import (
    allowances,
    answers,
    audit,
    cancels,
    changes,
    files,
    holds,
    keys,
    ledger,
    processes,
    reports,
    requests,
    rotation,
    secrets,
    teams,
)
from tollbar.storage.statements import (
    ANSWERS_PRUNED_AT_ONCE,
    AnswerSql,
    AuditSql,
    CancelSql,
    FileSql,
    KeySql,
    RequestSql,
    RotationSql,
    Statements,
    TeamSql,
)

ONE: ColumnElement[int] = literal_column("1")
TWO: ColumnElement[int] = literal_column("2")
ALL: ColumnElement[str] = literal_column(f"'{INSTALLATION}'")
GRANTED = ("owner", "unit", "granted", "spent", "leased", "reset", "period_start", "period_end", "zone")
SELF_SERVICE = f"'{KeyKind.SELF_SERVICE.value}'"
"""As a literal: SQLite uses the index of these keys only where it sees that they alone are asked for."""


def compile_statements(dialect: str = Dialect.SQLITE) -> Statements:
    """Every statement."""
    to = Compiler(Dialect(dialect))
    return Statements(
        ledger_sql(to),
        _keys(to),
        _rotation(to),
        _requests(to),
        _answers(to),
        _teams(to),
        _audit(to),
        cancels=_cancels(to),
        alerts=alert_sql(to),
        responses=response_sql(to),
        files=_files(to),
        end_users=end_user_sql(to, standings()),
        usage=usage_sql(to),
    )


def _keys(to: Compiler) -> KeySql:
    k, s, a, t = keys.c, secrets.c, allowances.c, teams.c
    key_id = bindparam("key_id")
    find = (
        select(
            *(k.id, k.name, k.permission, k.kind, k.tier, k.bound_to, k.models, k.limits, k.expires_at, k.revoked_at),
            *(s.valid_until, k.each_user, t.id, t.name, t.models, t.limits, t.each_user),
            *(a.id, a.unit, a.owner),
        )
        .join_from(secrets, keys, k.id == s.key_id)
        .outerjoin(teams, t.id == k.team)
        .outerjoin(allowances, or_(a.owner == k.id, a.owner == k.team, a.owner == ALL))
        .where(s.digest == bindparam("digest"))
        .order_by(a.id)
    )
    is_self_service = k.kind == literal_column(SELF_SERVICE)
    listed = select(keys).order_by(k.created_at.desc(), k.id)
    change = keys.update().values(version=k.version + ONE, hint=func.coalesce(bindparam("hint"), k.hint))
    for name in ("name", "tier", "team", "revoked_at", "models", "limits", "each_user"):
        change = change.values({name: func.coalesce(bindparam(f"new_{name}"), keys.c[name])})
    expiry = func.coalesce(bindparam("new_expires_at"), k.expires_at)
    change = change.values(
        expires_at=case((bindparam("never_expires") == ONE, None), else_=expiry),
        bound_to=case((bindparam("unbinds") == ONE, None), else_=k.bound_to),
    )
    team = select(k.team).where(k.id == key_id).scalar_subquery()
    until = bindparam("until")
    retire = secrets.update().values(valid_until=until).where(or_(s.valid_until.is_(None), s.valid_until > until))
    is_same = (a.reset == bindparam("reset")) & (a.zone == bindparam("zone"))
    regrant = allowances.update().values(
        granted=bindparam("amount") + a.extra,
        reset=bindparam("reset"),
        zone=bindparam("zone"),
        period_end=case((is_same, a.period_end), else_=bindparam("end")),
    )
    return KeySql(
        find=to.text(find),
        insert_key=to.text(insert(keys)),
        insert_secret=to.text(insert(secrets)),
        insert_allowance=to.text(insert(allowances).values({name: bindparam(name) for name in GRANTED})),
        keys=to.text(listed),
        key=to.text(listed.where(k.id == key_id)),
        id_of_name=to.text(select(k.id).where(k.name == bindparam("name"))),
        id_of_bound=to.text(select(k.id).where(k.bound_to == bindparam("bound_to"), is_self_service)),
        standings=to.text(standings().where(~is_end_users(a.owner))),
        standing=to.text(standings().where(a.owner == bindparam("owner"))),
        covering=to.text(standings().where(or_(a.owner == key_id, a.owner == team, a.owner == ALL))),
        shared=to.text(select(a.id, a.unit, a.owner).where(a.owner == ALL).order_by(a.id)),
        change_key=to.text(change.where(k.id == key_id)),
        retire_secrets=to.text(retire.where(s.key_id == key_id)),
        top_up=to.text(
            allowances.update()
            .values(granted=a.granted - a.extra + bindparam("amount"), extra=bindparam("amount"))
            .values(extra_until=bindparam("until"))
            .where(a.id == bindparam("allowance"))
        ),
        regrant=to.text(regrant.where(a.id == bindparam("allowance"))),
        note_change=to.text(_noted(ONE)),
        changes=to.text(select(changes.c.number).where(changes.c.id == ONE)),
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


def standings() -> Select[*tuple[Any, ...]]:
    """Allowances with the sum of their open holds; what is leased beyond that is free for the next call."""
    a = allowances.c
    held = (
        select(holds.c.allowance, holds.c.period_start, total(holds.c.amount).label("amount"))
        .group_by(holds.c.allowance, holds.c.period_start)
        .subquery("held")
    )
    return (
        select(
            *(a.owner, a.id, a.unit, a.granted, a.spent, func.coalesce(held.c.amount, ZERO)),
            *(a.reset, a.period_end, a.extra, a.extra_until, a.zone),
        )
        .outerjoin_from(allowances, held, (held.c.allowance == a.id) & (held.c.period_start == a.period_start))
        .order_by(a.id)
    )


def _requests(to: Compiler) -> RequestSql:
    r = requests.c
    is_owners = r.key_id == bindparam("owner")
    is_of_team = r.key_id.in_(select(keys.c.id).where(keys.c.team == bindparam("owner")))
    is_kept = (r.id < bindparam("end")) & (r.at >= bindparam("before"))
    return RequestSql(
        insert=to.rows(requests, without="id"),
        find=to.text(
            select(*(column for column in r if column.name != "id"))
            .where(r.request_id == bindparam("request_id"))
            .order_by(r.id.desc())
        ),
        lines=to.text(
            select(*(column for column in ledger.c if column.name != "id"))
            .where(ledger.c.request_id == bindparam("request_id"))
            .order_by(ledger.c.attempt)
        ),
        oldest=to.text(select(func.min(r.id))),
        first_kept=to.text(select(func.min(r.id)).where(is_kept)),
        prune=to.text(requests.delete().where(r.id < bindparam("end"))),
        of_user=to.text(select(r.id).where(r.user == bindparam("name"), or_(is_owners, is_of_team))),
        forget_user=to.text(requests.update().values(user=null()).where(r.id.in_(to.numbers("ids")))),
    )


def _answers(to: Compiler) -> AnswerSql:
    a = answers.c
    place = (a.scope == bindparam("scope")) & (a.name == bindparam("name"))
    is_ours = place & (a.request_id == bindparam("request_id")) & a.status.is_(None)
    found = select(a.digest, a.request_id, a.until, a.status, a.head, a.body, processes.c.id)
    kept = {column: bindparam(f"new_{column}") for column in ("until", "status", "head", "body")}
    begun = to.insert(answers).values({column.name: bindparam(column.name) for column in a})
    again = {column.name: begun.excluded[column.name] for column in a if not column.primary_key}
    old = (
        select(a.scope, a.name)
        .where(a.until < bindparam("before"), a.status.is_not(None) | a.process.not_in(select(processes.c.id)))
        .limit(literal_column(str(ANSWERS_PRUNED_AT_ONCE)))
        .offset(ZERO)
    )
    return AnswerSql(
        find=to.text(found.outerjoin_from(answers, processes, processes.c.id == a.process).where(place)),
        claim=to.text(begun.on_conflict_do_update(index_elements=[a.scope, a.name], set_=again)),
        keep=to.text(answers.update().values(kept).where(is_ours)),
        free=to.text(answers.delete().where(is_ours)),
        prune=to.text(answers.delete().where(tuple_(a.scope, a.name).in_(old))),
    )


def _teams(to: Compiler) -> TeamSql:
    t = teams.c
    change = teams.update().values(version=t.version + ONE)
    for name in ("name", "models", "limits", "each_user"):
        change = change.values({name: func.coalesce(bindparam(f"new_{name}"), teams.c[name])})
    one = t.id == bindparam("id")
    return TeamSql(
        insert=to.text(insert(teams)),
        all=to.text(select(teams).order_by(t.name)),
        one=to.text(select(teams).where(one)),
        change=to.text(change.where(one)),
    )


def _files(to: Compiler) -> FileSql:
    f = files.c
    told = select(f.key_id, f.id, f.provider, f.document).where(f.key_id == bindparam("key_id"))
    is_meant = (f.key_id == bindparam("key_id")) & (f.id == bindparam("id"))
    added = to.insert(files).values({column.name: bindparam(column.name) for column in f})
    again = {column.name: added.excluded[column.name] for column in f if not column.primary_key}
    return FileSql(
        add=to.text(added.on_conflict_do_update(index_elements=[f.key_id, f.id], set_=again)),
        find=to.text(told.where(f.id == bindparam("id"))),
        known=to.text(select(f.id).where(f.id == bindparam("id")).limit(1)),
        all=to.text(told.order_by(f.at.desc(), f.id)),
        remove=to.text(files.delete().where(is_meant)),
    )


def _audit(to: Compiler) -> AuditSql:
    a = audit.c
    page = select(audit).order_by(a.number.desc()).limit(bindparam("count")).offset(ZERO)
    for name in ("actor", "action", "subject"):
        page = page.where(a[name].like(bindparam(name), escape="\\"))
    last = select(a.number, a.seal).order_by(a.number.desc()).limit(ONE).offset(ZERO)
    return AuditSql(
        add=to.text(insert(audit)),
        last=to.text(last),
        page=to.text(page.where(a.number < bindparam("before"))),
        all=to.text(select(audit).order_by(a.number)),
    )


def _cancels(to: Compiler) -> CancelSql:
    c, r, nobody = cancels.c, reports.c, bindparam("nobody")
    answered = select(r.question).where(r.process == bindparam("process"))
    is_it = c.request_id == bindparam("call")
    asked = {"request_id": bindparam("request_id"), "key_id": bindparam("key_id"), "at": bindparam("at")}
    made = to.insert(cancels).values({**asked, "is_told": ZERO})
    again = {name: made.excluded[name] for name in ("key_id", "at", "is_told")}
    return CancelSql(
        ask=to.text(made.on_conflict_do_update(index_elements=[c.request_id], set_=again)),
        asked=to.text(select(c.request_id, c.key_id).where(c.is_told == ZERO)),
        tell=to.text(cancels.update().values(is_told=ONE).where(is_it)),
        is_told=to.text(select(c.is_told).where(is_it)),
        forget=to.text(cancels.delete().where(c.at < bindparam("before"))),
        note=to.text(_noted(TWO)),
        news=to.text(select(changes.c.number).order_by(changes.c.id)),
        report=to.text(insert(reports)),
        questions=to.text(select(r.question).where(r.process == nobody, r.question.not_in(answered))),
        reports=to.text(select(r.calls).where(r.question == bindparam("question"), r.process != nobody)),
        processes=to.text(select(func.count()).select_from(processes)),
        forget_reports=to.text(reports.delete().where(r.at < bindparam("before"))),
    )


def _noted(place: ColumnElement[int]) -> Update:
    return changes.update().values(number=changes.c.number + ONE).where(changes.c.id == place)
