"""The statements over allowances, leases, holds and ledger lines."""

from typing import Any

from sqlalchemy import (
    ClauseElement,
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
)

from tollbar.storage.dialects import Compiler, total
from tollbar.storage.schema import allowances, holds, leases, ledger, processes, recalls, usage
from tollbar.storage.statements import LedgerSql

# Written into the text: what stays a parameter is what the callers pass.
ZERO: ColumnElement[int] = literal_column("0")


def ledger_sql(to: Compiler) -> LedgerSql:
    """Each of them as text."""
    process = processes.c.id == bindparam("process")
    return LedgerSql(
        insert_process=to.text(_insert_process()),
        find_process=to.text(select(processes.c.id).where(process)),
        beat=to.text(_beat().where(process)),
        other_processes=to.text(
            select(processes.c.id, processes.c.heartbeat_at, processes.c.slot).where(
                processes.c.id != bindparam("process")
            )
        ),
        insert_holds=to.rows(holds),
        end_holds=to.text(holds.delete().where(holds.c.reservation.in_(to.numbers("reservations")))),
        charge=to.text(_charge(to)),
        charge_unheld=to.text(
            allowances.update()
            .values(spent=allowances.c.spent + bindparam("amount"))
            .where(allowances.c.id == bindparam("allowance"))
        ),
        reduce_leases=to.text(_reduce_leases(to)),
        insert_lines=to.rows(ledger, without="id"),
        add_usage=to.rows_of(_add_usage(to), usage),
        last_attempt=to.text(select(func.max(ledger.c.attempt)).where(ledger.c.request_id == bindparam("request_id"))),
        balances=to.text(_balances().where(allowances.c.id.in_(to.numbers("allowances")))),
        begin_period=to.text(_begin_period()),
        end_extra=to.text(
            allowances.update()
            .values(granted=allowances.c.granted - allowances.c.extra, extra=ZERO, extra_until=null())
            .where(allowances.c.id == bindparam("allowance"))
        ),
        void_leases=to.text(leases.delete().where(leases.c.allowance == bindparam("allowance"))),
        idle_elsewhere=to.text(_idle_elsewhere(to)),
        recall=to.rows_of(_recall(to), recalls),
        recalled=to.text(select(recalls.c.allowance, recalls.c.at)),
        forget_recalls=to.text(recalls.delete().where(recalls.c.at < bindparam("before"))),
        lease=to.text(_lease(to)),
        insert_leases=to.rows_of(_insert_leases(to), leases),
        open_holds=to.text(_open_holds(to)),
        return_leases=to.text(_return_leases(to)),
        delete_holds=to.text(holds.delete().where(holds.c.process.in_(to.numbers("processes")))),
        delete_leases=to.text(leases.delete().where(leases.c.process.in_(to.numbers("processes")))),
        delete_processes=to.text(processes.delete().where(processes.c.id.in_(to.numbers("processes")))),
    )


def _insert_process() -> ClauseElement:
    values = {"started_at": bindparam("at"), "heartbeat_at": bindparam("at"), "slot": bindparam("slot")}
    return insert(processes).values(values).returning(processes.c.id)


def _beat() -> Update:
    """A heartbeat is never one that was there before, whatever the clock does."""
    before, at = processes.c.heartbeat_at, bindparam("at")
    return processes.update().values(heartbeat_at=case((at > before, at), else_=before + literal_column("1")))


def _charge(to: Compiler) -> Update:
    deltas = to.table("deltas", "allowance", "period", "spent", "leased")
    return (
        allowances.update()
        .values(spent=allowances.c.spent + deltas.c.spent, leased=allowances.c.leased - deltas.c.leased)
        .where(allowances.c.id == deltas.c.allowance, allowances.c.period_start == deltas.c.period)
    )


def _reduce_leases(to: Compiler) -> Update:
    deltas = to.table("deltas", "allowance", "period", "spent", "leased")
    return (
        leases.update()
        .values(amount=leases.c.amount - deltas.c.leased)
        .where(leases.c.allowance == deltas.c.allowance, leases.c.process == bindparam("process"))
        .where(leases.c.period_start == deltas.c.period)
    )


def _lease(to: Compiler) -> Update:
    wanted = to.table("deltas", "allowance", "amount")
    left = allowances.c.granted - allowances.c.spent - allowances.c.leased
    return (
        allowances.update()
        .values(leased=allowances.c.leased + wanted.c.amount)
        .where(allowances.c.id == wanted.c.allowance, or_(wanted.c.amount <= ZERO, left >= wanted.c.amount))
    )


def _begin_period() -> Update:
    return (
        allowances.update()
        .values(spent=ZERO, leased=ZERO, period_start=bindparam("start"), period_end=bindparam("end"))
        .where(allowances.c.id == bindparam("allowance"))
    )


def _insert_leases(to: Compiler) -> ClauseElement:
    made = to.insert(leases)
    return made.on_conflict_do_update(
        index_elements=[leases.c.allowance, leases.c.process],
        set_={"amount": leases.c.amount + made.excluded.amount},
    )


def _add_usage(to: Compiler) -> ClauseElement:
    made = to.insert(usage)
    sums = [column for column in usage.c if not column.primary_key]
    return made.on_conflict_do_update(
        index_elements=list(usage.primary_key),
        set_={column.name: column + made.excluded[column.name] for column in sums},
    )


def _recall(to: Compiler) -> ClauseElement:
    made = to.insert(recalls)
    return made.on_conflict_do_update(index_elements=[recalls.c.allowance], set_={"at": made.excluded.at})


def _balances() -> Select[*tuple[Any, ...]]:
    a = allowances.c
    return select(
        a.id, a.granted, a.spent, a.leased, a.reset, a.period_start, a.period_end, a.extra, a.extra_until, a.zone
    )


def _open_holds(to: Compiler) -> Select[*tuple[Any, ...]]:
    h = holds.c
    return (
        select(h.reservation, h.allowance, allowances.c.unit, h.period_start, h.request_id, h.at, h.estimate)
        .join_from(holds, allowances, allowances.c.id == h.allowance)
        .where(h.process.in_(to.numbers("processes")))
        .order_by(h.reservation, h.allowance)
    )


def _idle_elsewhere(to: Compiler) -> Select[*tuple[Any, ...]]:
    """What other processes leased of some allowances and no call of theirs holds, where there is any."""
    h, are_others = holds.c, leases.c.process != bindparam("process")
    held = (
        select(func.coalesce(total(h.amount), ZERO))
        .where(h.allowance == leases.c.allowance, h.process == leases.c.process)
        .where(h.period_start == leases.c.period_start)
        .scalar_subquery()
    )
    found = select(leases.c.allowance, (leases.c.amount - held).label("idle")).where(
        leases.c.allowance.in_(to.numbers("allowances")), are_others
    )
    idle = found.subquery("idle")
    return select(idle.c.allowance, total(idle.c.idle)).where(idle.c.idle > ZERO).group_by(idle.c.allowance)


def _return_leases(to: Compiler) -> Update:
    lost = (
        select(leases.c.allowance, leases.c.period_start, total(leases.c.amount).label("amount"))
        .where(leases.c.process.in_(to.numbers("processes")))
        .group_by(leases.c.allowance, leases.c.period_start)
        .subquery("lost")
    )
    return (
        allowances.update()
        .values(leased=allowances.c.leased - lost.c.amount)
        .where(allowances.c.id == lost.c.allowance, allowances.c.period_start == lost.c.period_start)
    )
