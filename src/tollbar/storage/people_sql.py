"""The statements over end users, and over what was used."""

from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, insert, literal_column, or_, select

from tollbar.domain.end_users import PREFIX
from tollbar.storage.dialects import Compiler, total
from tollbar.storage.schema import allowances, end_users, keys, ledger, usage
from tollbar.storage.statements import END_USERS_SHOWN, LINES_AT_ONCE, EndUserSql, UsageSql

ZERO: ColumnElement[int] = literal_column("0")


def is_end_users(owner: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether an allowance is an end user's, not that of a key or a team."""
    beginning = func.substr(owner, literal_column("1"), literal_column(str(len(PREFIX))))
    return beginning == literal_column(f"'{PREFIX}'")


def end_user_sql(to: Compiler, standings: Select[*tuple[Any, ...]]) -> EndUserSql:
    """Each of those over end users, as text; `standings` are allowances as they stand."""
    e, a = end_users.c, allowances.c
    is_theirs, named = e.owner == bindparam("owner"), e.name == bindparam("name")
    is_wanted = or_(bindparam("name") == literal_column("''"), named)
    shown = (
        select(e.id)
        .where(is_theirs, is_wanted)
        .order_by(e.first_seen_at.desc(), e.id)
        .limit(literal_column(str(END_USERS_SHOWN)))
        .offset(ZERO)
    )
    newest = select(end_users).where(e.id.in_(shown)).order_by(e.first_seen_at.desc(), e.id)
    return EndUserSql(
        insert=to.text(insert(end_users)),
        named=to.text(select(end_users).where(is_theirs, named)),
        one=to.text(select(end_users).where(is_theirs, e.id == bindparam("id"))),
        count=to.text(select(func.count()).select_from(end_users).where(is_theirs)),
        newest=to.text(newest),
        standings=to.text(standings.where(a.owner.in_(shown))),
        block=to.text(end_users.update().values(blocked_at=bindparam("at")).where(e.id == bindparam("id"))),
        rename=to.text(end_users.update().values(name=bindparam("new_name")).where(e.id == bindparam("user"))),
        renew=to.text(allowances.update().values(spent=ZERO).where(a.owner == bindparam("id"))),
    )


def usage_sql(to: Compiler) -> UsageSql:
    """Each of those over what was used, as text."""
    u, line = usage.c, ledger.c
    sums = [column for column in u if not column.primary_key]
    figures = (u.credits, u.cost_nano_dollars, u.prompt_tokens + u.completion_tokens)
    spent = select(func.min(u.day), *(total(figure) for figure in figures)).where(
        u.end_user == bindparam("end_user"), u.day >= bindparam("first")
    )
    k = keys.c
    team = select(k.team).where(k.id == bindparam("key_id"), k.team != literal_column("''")).scalar_subquery()
    is_among = u.key_id.in_(select(k.id).where(or_(k.id == bindparam("key_id"), k.team == team)))
    is_theirs = (u.key_id == bindparam("key_id")) & (u.end_user == bindparam("end_user"))
    return UsageSql(
        by_day=to.text(
            select(u.day, u.model, *sums).where(is_theirs, u.day >= bindparam("first")).order_by(u.day.desc(), u.model)
        ),
        of_key=to.text(spent.where(u.key_id == bindparam("key_id"))),
        of_team=to.text(spent.where(is_among)),
        of_all=to.text(spent),
        last_line=to.text(select(func.coalesce(func.max(line.id), ZERO))),
        lines_after=to.text(
            select(*ledger.c)
            .where(line.id > bindparam("last"))
            .order_by(line.id)
            .limit(literal_column(str(LINES_AT_ONCE)))
            .offset(ZERO)
        ),
    )
