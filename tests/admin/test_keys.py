"""The life of a key, over a real store."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.admin.desk import Desk
from tollbar.admin.drafts import KeyDraft
from tollbar.admin.keys import (
    IssuedKey,
    find_key,
    hint_of,
    issue_key,
    list_keys,
    new_id,
    new_secret,
    revoke_key,
    rotate_key,
    update_key,
)
from tollbar.domain.errors import Conflict, InvalidValue, NotFound
from tollbar.domain.identity import KEY_PREFIX, Key, KeyKind, Permission, Reset, is_well_formed
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit

pytestmark = pytest.mark.anyio


async def issue(desk: Desk, **draft: object) -> IssuedKey:
    """A key made of a draft."""
    asked: Any = {"name": "bot", **draft}
    return await issue_key(desk.keys, desk.clock, desk.digest, KeyDraft(**asked))


async def test_a_key_is_what_was_asked_for(desk: Desk) -> None:
    """Name, models, limits, allowances and expiry are stored; the secret works and is in no stored value."""
    issued = await issue(desk, models=["a", "b"], rpm=60, dollars=Decimal("1.25"), reset="month", expires="30d")
    key = await desk.keys.get(issued.key.id)
    assert (key.name, key.models, key.permission) == ("bot", ("a", "b"), Permission.CALL)
    assert key.limits == (Limit(Measure.REQUESTS, 60, 60),)
    assert [(a.id.unit, a.granted, a.left, a.reset) for a in key.allowances] == [
        (Unit.DOLLARS, 1_250_000_000, 1_250_000_000, Reset.MONTH)
    ]
    assert (key.created_at, key.expires_at) == (desk.clock.now(), desk.clock.now() + timedelta(days=30))
    holder = await desk.holder(issued.secret)
    assert holder is not None
    assert (holder.key_id, holder.name) == (key.id, "bot")
    assert issued.secret not in repr((issued, key, holder))


async def test_a_secret_has_our_form(desk: Desk) -> None:
    """It holds the key's public id and a checksum that fits; of it, only prefix and last four are shown."""
    issued = await issue(desk)
    assert is_well_formed(issued.secret)
    assert issued.secret.startswith(f"{KEY_PREFIX}{issued.key.id}")
    assert issued.key.hint == f"sk-toll-…{issued.secret[-4:]}"


async def test_names_are_unique(desk: Desk) -> None:
    """A second key of the same name is refused."""
    await issue(desk)
    with pytest.raises(Conflict):
        await issue(desk)


async def test_a_draft_with_a_fault_makes_no_key(desk: Desk) -> None:
    """What is wrong is told before anything is stored."""
    for draft in ({"name": ""}, {"credits": -1}, {"rpm": -1}, {"expires": "0d"}, {"permission": "x"}, {"models": [""]}):
        with pytest.raises(InvalidValue):
            await issue(desk, **draft)
    assert list(await list_keys(desk.keys)) == []


async def test_a_key_is_found_by_id_name_and_itself(desk: Desk) -> None:
    """All three lead to it; anything else is not found, and a key mistyped neither."""
    issued = await issue(desk)
    other = await issue(desk, name=issued.key.id[::-1])
    for reference in (issued.key.id, "bot", issued.secret):
        assert (await find_key(desk.keys, reference)).id == issued.key.id
    assert (await find_key(desk.keys, other.key.name)).id == other.key.id
    for reference in ("nobody", issued.secret[:-1], ""):
        with pytest.raises(NotFound):
            await find_key(desk.keys, reference)


async def test_an_id_goes_before_a_name(desk: Desk) -> None:
    """A key that is named like another's id does not hide it."""
    first = await issue(desk)
    await issue(desk, name=first.key.id)
    assert (await find_key(desk.keys, first.key.id)).name == "bot"


async def test_a_change_leaves_the_rest(desk: Desk) -> None:
    """Only what the draft names changes; rates are replaced one by one."""
    issued = await issue(desk, rpm=60, tpm=100, credits=5, models=["a"])
    changed = await update_key(
        desk.keys, desk.clock, issued.key.id, KeyDraft(name="robot", rpm=0, concurrency=2, credits=15, expires="1d")
    )
    assert (changed.name, changed.models) == ("robot", ("a",))
    assert set(changed.limits) == {Limit(Measure.TOKENS, 100, 60), Limit(Measure.CONCURRENCY, 2, 0)}
    assert [(a.id.unit, a.granted) for a in changed.allowances] == [(Unit.CREDITS, 15)]
    assert changed.expires_at == desk.clock.now() + timedelta(days=1)
    opened = await update_key(desk.keys, desk.clock, issued.key.id, KeyDraft(models=["*"]))
    assert (opened.models, opened.name) == ((), "robot")


async def test_a_change_of_an_older_version_is_refused(desk: Desk) -> None:
    """Who read the key before somebody else changed it is told."""
    issued = await issue(desk)
    await update_key(desk.keys, desk.clock, issued.key.id, KeyDraft(rpm=1), issued.key.version)
    with pytest.raises(Conflict):
        await update_key(desk.keys, desk.clock, issued.key.id, KeyDraft(rpm=2), issued.key.version)


async def test_some_changes_are_not_possible(desk: Desk) -> None:
    """What a key opens stays, and a tier must be one that is configured."""
    issued = await issue(desk, expires="1d")
    for field, draft in (("permission", KeyDraft(permission="admin")), ("tier", KeyDraft(tier="gold"))):
        with pytest.raises(InvalidValue) as fault:
            await update_key(desk.keys, desk.clock, issued.key.id, draft, tiers=("basic",))
        assert fault.value.field == field
    with pytest.raises(NotFound):
        await update_key(desk.keys, desk.clock, "nobody", KeyDraft(rpm=1))


async def test_the_rotating_key_is_not_rotated_by_hand(desk: Desk) -> None:
    """Its secrets come by themselves, and the one in force could not be shown any more."""
    key = Key("r", "rotating", "…", Permission.CALL, desk.clock.now(), kind=KeyKind.ROTATING)
    await desk.keys.add(key, desk.digest("sk-0123456789abcdef"), ())
    with pytest.raises(Conflict, match="by itself"):
        await rotate_key(desk.keys, desk.clock, desk.digest, "r")
    assert await desk.holder("sk-0123456789abcdef") is not None


async def test_the_rotating_key_ends_when_the_next_one_comes(desk: Desk) -> None:
    """With an end of its own there would be days without a valid one; its limits may change."""
    key = Key("r", "rotating", "…", Permission.CALL, desk.clock.now(), kind=KeyKind.ROTATING)
    await desk.keys.add(key, desk.digest("sk-0123456789abcdef"), ())
    for expires in ("1h", "never"):
        with pytest.raises(Conflict, match="by itself"):
            await update_key(desk.keys, desk.clock, "r", KeyDraft(expires=expires))
    assert (await update_key(desk.keys, desk.clock, "r", KeyDraft(rpm=1))).limits


async def test_an_expiry_can_be_removed(desk: Desk) -> None:
    """`never` lifts it; a change that does not speak of it leaves it; without one, `never` changes nothing."""
    issued = await issue(desk, expires="1d")

    async def after(draft: KeyDraft) -> datetime | None:
        return (await update_key(desk.keys, desk.clock, issued.key.id, draft)).expires_at

    assert await after(KeyDraft(rpm=1)) == desk.clock.now() + timedelta(days=1)
    assert [await after(KeyDraft(expires="never")) for _ in range(2)] == [None, None]
    desk.clock.seconds += 2 * 86_400
    assert await desk.holder(issued.secret) is not None


async def test_a_tier_is_given_changed_and_taken(desk: Desk) -> None:
    """A key has one tier or none; an empty name makes it a plain key again."""
    tiers = ("basic", "premium")
    issued = await issue_key(desk.keys, desk.clock, desk.digest, KeyDraft(name="ana", tier="basic"), tiers)
    changed = [
        (await update_key(desk.keys, desk.clock, issued.key.id, KeyDraft(tier=name), tiers=tiers)).tier
        for name in ("premium", None, "")
    ]
    assert (issued.key.tier, changed) == ("basic", ["premium", "premium", ""])


@pytest.mark.parametrize(
    ("secret", "hint"), [("sk-toll-0123456789", "sk-toll-…6789"), ("sk-0123456789abcdef", "…cdef"), ("secret", "…")]
)
def test_a_short_secret_shows_nothing_of_itself(secret: str, hint: str) -> None:
    """Four characters of a key from elsewhere may be most of it."""
    assert hint_of(secret) == hint


async def test_a_rotated_key_has_another_secret(desk: Desk) -> None:
    """The old secret stops at once; id, name and allowances stay."""
    issued = await issue(desk, credits=5)
    rotated = await rotate_key(desk.keys, desk.clock, desk.digest, issued.key.id)
    assert (rotated.key.id, rotated.key.name, rotated.key.hint) == (issued.key.id, "bot", hint_of(rotated.secret))
    assert await desk.holder(issued.secret) is None
    assert await desk.holder(rotated.secret) is not None
    assert rotated.key.allowances == issued.key.allowances


async def test_a_grace_period_keeps_the_old_secret_for_a_while(desk: Desk) -> None:
    """Both work until the grace is over, and then only the new one."""
    issued = await issue(desk)
    rotated = await rotate_key(desk.keys, desk.clock, desk.digest, issued.key.id, timedelta(hours=1))
    assert await desk.holder(issued.secret) is not None
    desk.clock.seconds += 3_600
    assert await desk.holder(issued.secret) is None
    assert await desk.holder(rotated.secret) is not None


@pytest.mark.parametrize("grace", [timedelta(seconds=-1), timedelta(days=31)])
async def test_a_grace_period_has_its_bounds(desk: Desk, grace: timedelta) -> None:
    """A grace period in the past, or without end, is refused."""
    issued = await issue(desk)
    with pytest.raises(InvalidValue) as fault:
        await rotate_key(desk.keys, desk.clock, desk.digest, issued.key.id, grace)
    assert fault.value.field == "grace"


async def test_a_revoked_key_is_over(desk: Desk) -> None:
    """It stops at once and cannot be rotated; revoking it again keeps the moment of the first time."""
    issued = await issue(desk)
    revoked = await revoke_key(desk.keys, desk.clock, issued.key.id)
    assert revoked.revoked_at == desk.clock.now()
    assert await desk.holder(issued.secret) is None
    desk.clock.seconds += 60
    assert (await revoke_key(desk.keys, desk.clock, issued.key.id)).revoked_at == revoked.revoked_at
    with pytest.raises(Conflict):
        await rotate_key(desk.keys, desk.clock, desk.digest, issued.key.id)
    with pytest.raises(NotFound):
        await revoke_key(desk.keys, desk.clock, "nobody")


async def test_keys_do_not_repeat() -> None:
    """A thousand ids and secrets are all different, and all well formed."""
    secrets = [new_secret(new_id()) for _ in range(1_000)]
    assert len(set(secrets)) == 1_000
    assert all(map(is_well_formed, secrets))
