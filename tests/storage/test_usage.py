"""What was used, and the newest lines, from an embedded store."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.storage.making import AT, DOLLAR, StepClock, a_directory, a_key, a_line, estimating, opened
from tollbar.domain.identity import Holder, Principal
from tollbar.domain.records import DayUsage, LedgerEntry, Spending
from tollbar.domain.teams import Team
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio

TODAY = AT.date()


async def write(storage: Storage, *lines: LedgerEntry) -> None:
    """Settles calls without allowances."""
    for line in lines:
        held = await storage.ledger.reserve(line.request_id, (), estimating(line.request_id))
        await storage.ledger.settle(held, (), [line])


async def test_usage_is_told_by_day_and_spending_by_holder(tmp_path: Path) -> None:
    """Of the key, of one end user, of all keys of the team, of everybody; lines come in their order."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        await storage.teams.add(Team("team_a", "lab", AT), [])
        for name, team in (("somebody", "team_a"), ("ben", "team_a"), ("cy", "")):
            await storage.keys.add(a_key(name, team=team), name.encode(), [])
        before = await storage.usage.last_line()
        yesterday = AT - timedelta(days=1)
        await write(
            storage,
            a_line("r1", at=yesterday, end_user="user_a"),
            a_line("r2", cost_nano_dollars=None),
            a_line("r3", paid=False),
            a_line("r4", key_id="ben"),
            a_line("r5", key_id="cy", credits=7),
        )
        days = [DayUsage(TODAY, "smart", 1, 120, 30, 1, 0, 1)]
        earlier = [DayUsage(yesterday.date(), "smart", 1, 120, 30, 1, DOLLAR // 5, 0)]
        assert await storage.usage.by_day("somebody", None, yesterday.date()) == days + earlier
        assert await storage.usage.by_day("somebody", None, TODAY) == days
        assert await storage.usage.by_day("somebody", "user_a", yesterday.date()) == earlier
        who = Principal("somebody", "somebody", end_users=("user_a",))
        told = {holder: await storage.usage.spending(who, holder, yesterday.date()) for holder in Holder}
        assert told == {
            Holder.KEY: Spending(yesterday.date(), 2, DOLLAR // 5, 300),
            Holder.TEAM: Spending(yesterday.date(), 3, DOLLAR // 5 * 2, 450),
            Holder.INSTALLATION: Spending(yesterday.date(), 10, DOLLAR // 5 * 3, 600),
            Holder.END_USER: Spending(yesterday.date(), 1, DOLLAR // 5, 150),
        }
        assert await storage.usage.spending(Principal("x", "x"), Holder.KEY, yesterday.date()) is None
        lines = await storage.usage.lines_after(before)
        assert [line.request_id for _, line in lines] == ["r1", "r2", "r3", "r4", "r5"]
        assert lines[0][1].end_user == "user_a"
        assert await storage.usage.lines_after(await storage.usage.last_line()) == []
