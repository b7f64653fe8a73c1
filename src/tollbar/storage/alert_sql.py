"""The statements over thresholds, alerts and the webhook."""

from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, literal_column, null, or_, select

from tollbar.domain.identity import Reset
from tollbar.storage.dialects import Compiler
from tollbar.storage.people_sql import is_end_users
from tollbar.storage.schema import alerts, allowances, keys, teams, webhook
from tollbar.storage.statements import ALERTS_SHOWN, AlertSql


def alert_sql(to: Compiler) -> AlertSql:
    """Each of them as text."""
    a, w = alerts.c, webhook.c
    one, zero = literal_column("1"), literal_column("0")
    is_it = a.id == bindparam("alert")
    added = to.insert(alerts).values({column.name: bindparam(column.name) for column in a})
    due = select(alerts).where(a.next_at <= bindparam("now"), a.delivered_at.is_(None)).order_by(a.next_at, a.id)
    never = select(allowances.c.id).where(allowances.c.reset == literal_column(f"'{Reset.NEVER}'"))
    newest = select(alerts).order_by(a.at.desc(), a.id).limit(literal_column(str(ALERTS_SHOWN))).offset(zero)
    claimed = {"attempts": bindparam("new_attempts"), "next_at": bindparam("new_next_at")}
    unit = func.coalesce(bindparam("unit"), allowances.c.unit)
    return AlertSql(
        standings=to.text(_standings()),
        thresholds=to.text(
            select(allowances.c.owner, allowances.c.unit, allowances.c.alert_at)
            .where(allowances.c.alert_at.is_not(None))
            .order_by(allowances.c.id)
        ),
        set_thresholds=to.text(
            allowances.update()
            .values(alert_at=bindparam("alert_at"))
            .where(allowances.c.owner == bindparam("owner"), allowances.c.unit == unit)
        ),
        add=to.text(added.on_conflict_do_nothing()),
        due=to.text(due.limit(one).offset(zero)),
        claim=to.text(alerts.update().values(claimed).where(is_it)),
        delivered=to.text(
            alerts.update().values(delivered_at=bindparam("told_at"), next_at=null(), fault=null()).where(is_it)
        ),
        failed=to.text(alerts.update().values(fault=bindparam("told")).where(is_it)),
        newest=to.text(newest),
        prune=to.text(delete(alerts).where(a.at < bindparam("before"), a.allowance.not_in(never))),
        hook=to.text(select(w.url, w.sealed)),
        put_hook=to.text(insert(webhook).values(id=one, url=bindparam("url"), sealed=bindparam("sealed"))),
        drop_hook=to.text(delete(webhook)),
    )


def _standings() -> Select[*tuple[Any, ...]]:
    """Allowances that may have reached a threshold: those with ones of their own, or spent up to the lowest usual one.
    Those of end users, of whom there may be thousands, alert nobody.

    Divided before it is multiplied, since amounts may fill their bits; the caller compares exactly.
    """
    a = allowances.c
    is_near = a.spent >= a.granted // literal_column("100") * bindparam("lowest")
    return (
        select(
            *(a.id, a.owner, keys.c.name, teams.c.name, a.unit, a.granted, a.spent),
            *(a.reset, a.period_start, a.period_end, a.alert_at),
        )
        .select_from(allowances)
        .outerjoin(keys, keys.c.id == a.owner)
        .outerjoin(teams, teams.c.id == a.owner)
        .where(~is_end_users(a.owner))
        .where(a.spent > literal_column("0"), a.granted > literal_column("0"), or_(a.alert_at.is_not(None), is_near))
    )
