"""How keys are told."""

from datetime import UTC, datetime, timedelta

import pytest

from tollbar.admin.keys import IssuedKey
from tollbar.cli.telling import describe, say_issued, say_key, say_list
from tollbar.domain.identity import Allowance, AllowanceId, Key, Permission, Reset
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit

NOW = datetime(2026, 1, 10, tzinfo=UTC)
BOT = Key(
    "a1B2c3D4e5",
    "ci bot",
    "sk-toll-…x9Qz",
    Permission.CALL,
    NOW - timedelta(hours=2),
    expires_at=NOW + timedelta(days=30),
    models=("a", "b"),
    limits=(Limit(Measure.REQUESTS, 60, 60),),
    allowances=(Allowance(AllowanceId(1, Unit.DOLLARS), 10**10, 125 * 10**7, 0, Reset.MONTH, NOW),),
)
ADMIN = Key("f6G7h8I9j0", "admin", "…mine", Permission.ADMIN, NOW - timedelta(days=9), revoked_at=NOW)

Capture = pytest.CaptureFixture[str]


def test_a_table_of_keys(capsys: Capture) -> None:
    """A line for each key, with what it has left."""
    say_list([BOT, ADMIN], NOW)
    assert capsys.readouterr().out.splitlines() == [
        "NAME    ID          STATE    OPENS  MODELS  LEFT   LIMITS              EXPIRES     MADE",
        "ci bot  a1B2c3D4e5  active          a, b    $8.75  60 requests/minute  in 30 days  2 hours ago",
        "admin   f6G7h8I9j0  revoked  admin  all                                never       9 days ago",
    ]


def test_a_page_of_a_key(capsys: Capture) -> None:
    """Everything about one key, a line for each thing."""
    say_key(BOT, NOW, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "name       ci bot",
        "id         a1B2c3D4e5",
        "key        sk-toll-…x9Qz",
        "state      active",
        "opens      calls to models",
        "models     a, b",
        "allowance  $8.75 of $10.00 left this month",
        "limit      60 requests/minute",
        "made       2026-01-09 22:00 UTC (2 hours ago)",
        "expires    2026-02-09 00:00 UTC (in 30 days)",
    ]
    say_key(ADMIN, NOW, as_json=False)
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "models   all",
        "made     2026-01-01 00:00 UTC (9 days ago)",
        "expires  never",
        "revoked  2026-01-10 00:00 UTC (just now)",
    ]


def test_a_new_key_is_told_once(capsys: Capture) -> None:
    """The secret alone is on standard output; the words are beside it, or absent when they are not wanted."""
    issued = IssuedKey(BOT, "sk-toll-secret")
    say_issued(issued, NOW, "is made", quiet=False, as_json=False)
    assert capsys.readouterr() == ("sk-toll-secret\n", "The key ci bot is made. It is shown this once; keep it safe:\n")
    say_issued(issued, NOW, "is made", quiet=True, as_json=False)
    assert capsys.readouterr() == ("sk-toll-secret\n", "")


def test_programs_get_the_admin_api_s_shape() -> None:
    """State and models are told as they are over HTTP, and no secret."""
    described = describe(BOT, NOW)
    assert (described["state"], described["models"], described["hint"]) == ("active", ["a", "b"], "sk-toll-…x9Qz")
    assert "key" not in described
