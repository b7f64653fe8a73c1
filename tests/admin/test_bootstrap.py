"""What a start sees to: the instance secret, an admin key, a key for the first line."""

import hmac
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from tests.admin.desk import Desk
from tollbar.admin.bootstrap import (
    BootstrapError,
    derive,
    ensure_admin_key,
    is_private,
    read_secret,
    renew_starter_key,
    reset_admin_key,
)
from tollbar.admin.drafts import KeyDraft
from tollbar.admin.keys import issue_key, revoke_key
from tollbar.domain.identity import Permission

CONFIGURED = "an-admin-key-of-mine"


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    """The first start makes it, for its owner alone; later ones read the same."""
    data = tmp_path / "state" / "data"
    first = read_secret(data, None)
    assert (len(first), read_secret(data, None)) == (64, first)
    assert [path.name for path in data.iterdir()] == ["secret"]
    assert (stat.S_IMODE((data / "secret").stat().st_mode), stat.S_IMODE(data.stat().st_mode)) == (0o600, 0o700)
    assert read_secret(tmp_path / "other", None) != first


def test_a_configured_secret_leaves_no_file(tmp_path: Path) -> None:
    """A secret from the environment is used as it is, and nothing is written."""
    assert read_secret(tmp_path / "data", "x" * 32) == b"x" * 32
    assert not (tmp_path / "data").exists()


def test_first_starts_at_the_same_moment_agree(tmp_path: Path) -> None:
    """However many processes make the secret at once, all use the one that is kept."""
    found: list[bytes] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        found.append(read_secret(tmp_path, None))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {read_secret(tmp_path, None)}
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_damaged_secret_stops_the_start(tmp_path: Path) -> None:
    """A secret that is cut short, no text, or cannot be read is never replaced in silence."""
    path = tmp_path / "secret"
    for damage in (b"", b"abc\n", b"\xff" * 64):
        path.write_bytes(damage)
        with pytest.raises(BootstrapError, match="secret"):
            read_secret(tmp_path, None)
        assert path.read_bytes() == damage
    path.unlink()
    path.mkdir()
    with pytest.raises(BootstrapError, match="secret"):
        read_secret(tmp_path, None)


def test_a_file_in_place_of_the_directory_stops_the_start(tmp_path: Path) -> None:
    """Where the data directory cannot be made, the message says so."""
    (tmp_path / "data").touch()
    with pytest.raises(BootstrapError, match="cannot be read or made"):
        read_secret(tmp_path / "data", None)


def test_a_secret_that_others_can_read_is_noticed(tmp_path: Path) -> None:
    """Any right of group or others makes it public."""
    path = tmp_path / "secret"
    path.touch()
    for mode, expected in ((0o600, True), (0o400, True), (0o640, False), (0o604, False)):
        path.chmod(mode)
        assert is_private(path) is expected


def test_each_use_has_its_own_key() -> None:
    """The derived keys differ from each other and between secrets, and are the same at every start."""
    one, other = derive(b"a" * 32), derive(b"b" * 32)
    keys = [
        one.pepper,
        one.encryption,
        one.session,
        one.check,
        other.pepper,
        other.encryption,
        other.session,
        other.check,
    ]
    assert len(set(keys)) == 8
    assert {len(key) for key in keys} == {32}
    assert derive(b"a" * 32) == one
    assert repr(one.pepper) not in repr(one)


def test_keys_are_derived_by_hkdf() -> None:
    """RFC 5869's two steps, written out, give the same pepper: stored keys depend on it for ever."""
    extracted = hmac.digest(bytes(32), b"a" * 32, "sha256")
    expanded = hmac.digest(extracted, b"tollbar pepper v1" + b"\x01", "sha256")
    assert derive(b"a" * 32).pepper == expanded


@pytest.mark.anyio
async def test_the_first_start_makes_an_admin_key(desk: Desk) -> None:
    """It is given once; later starts find it and make none."""
    secret = await ensure_admin_key(desk.keys, desk.clock, desk.digest, None)
    assert secret is not None
    holder = await desk.holder(secret)
    assert holder is not None
    assert (holder.name, holder.permission) == ("admin", Permission.ADMIN)
    assert await ensure_admin_key(desk.keys, desk.clock, desk.digest, None) is None


@pytest.mark.anyio
async def test_a_start_without_a_valid_admin_key_makes_one(desk: Desk) -> None:
    """When the last one was revoked, another is made under a free name."""
    await ensure_admin_key(desk.keys, desk.clock, desk.digest, None)
    (key,) = await desk.keys.list()
    await revoke_key(desk.keys, desk.clock, key.id)
    secret = await ensure_admin_key(desk.keys, desk.clock, desk.digest, None)
    holder = await desk.holder(secret or "")
    assert holder is not None
    assert holder.name == "admin-2"


@pytest.mark.anyio
async def test_somebody_s_own_admin_key_is_enough(desk: Desk) -> None:
    """Where people made admin keys for each other, a start makes none, and a configured one leaves theirs alone."""
    draft = KeyDraft(name="alice", permission="admin")
    alice = await issue_key(desk.keys, desk.clock, desk.digest, draft)
    assert await ensure_admin_key(desk.keys, desk.clock, desk.digest, None) is None
    await ensure_admin_key(desk.keys, desk.clock, desk.digest, CONFIGURED)
    assert await desk.holder(alice.secret) is not None
    assert await desk.holder(CONFIGURED) is not None


@pytest.mark.anyio
async def test_a_configured_key_replaces_the_made_one(desk: Desk) -> None:
    """It takes the place of the key that a start made, whose secret stops; starting again changes nothing."""
    made = await ensure_admin_key(desk.keys, desk.clock, desk.digest, None)
    for _ in range(2):
        assert await ensure_admin_key(desk.keys, desk.clock, desk.digest, CONFIGURED) is None
        assert await desk.holder(CONFIGURED) is not None
        assert await desk.holder(made or "") is None
    (key,) = await desk.keys.list()
    assert (key.name, key.hint, key.version) == ("admin", "…mine", 2)


@pytest.mark.anyio
async def test_a_key_that_was_ended_does_not_come_back(desk: Desk) -> None:
    """A configured key that was reset, revoked, or made for calls stops the start."""
    await ensure_admin_key(desk.keys, desk.clock, desk.digest, CONFIGURED)
    await reset_admin_key(desk.keys, desk.clock, desk.digest)
    call_key = (await issue_key(desk.keys, desk.clock, desk.digest, KeyDraft(name="bot"))).secret
    admin = await issue_key(desk.keys, desk.clock, desk.digest, KeyDraft(name="alice", permission="admin"))
    await revoke_key(desk.keys, desk.clock, admin.key.id)
    for secret in (CONFIGURED, call_key, admin.secret):
        with pytest.raises(BootstrapError, match="TOLLBAR_ADMIN_KEY"):
            await ensure_admin_key(desk.keys, desk.clock, desk.digest, secret)


@pytest.mark.anyio
async def test_a_reset_ends_every_other_admin_key(desk: Desk) -> None:
    """One admin key is left, the new one; keys for calls are left alone."""
    first = await ensure_admin_key(desk.keys, desk.clock, desk.digest, None)
    alice = await issue_key(desk.keys, desk.clock, desk.digest, KeyDraft(name="alice", permission="admin"))
    bot = await issue_key(desk.keys, desk.clock, desk.digest, KeyDraft(name="bot"))
    issued = await reset_admin_key(desk.keys, desk.clock, desk.digest)
    assert [
        await desk.holder(secret) is not None for secret in (first or "", alice.secret, bot.secret, issued.secret)
    ] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.anyio
async def test_a_reset_works_where_there_is_no_admin_key(desk: Desk) -> None:
    """On an empty store it makes the first one."""
    issued = await reset_admin_key(desk.keys, desk.clock, desk.digest)
    assert (issued.key.name, issued.key.permission) == ("admin", Permission.ADMIN)


@pytest.mark.anyio
async def test_the_starter_key_works_for_a_day(desk: Desk) -> None:
    """It opens calls, and ends by itself."""
    secret = await renew_starter_key(desk.keys, desk.clock, desk.digest)
    holder = await desk.holder(secret)
    assert holder is not None
    assert (holder.name, holder.permission) == ("starter", Permission.CALL)
    desk.clock.seconds += 86_400
    assert await desk.holder(secret) is None


@pytest.mark.anyio
async def test_starter_keys_do_not_pile_up(desk: Desk) -> None:
    """Each start gives one key another secret; an earlier secret works until its own day is over, and no longer."""
    first = await renew_starter_key(desk.keys, desk.clock, desk.digest)
    desk.clock.seconds += 43_200
    second = await renew_starter_key(desk.keys, desk.clock, desk.digest)
    assert [key.name for key in await desk.keys.list()] == ["starter"]
    assert [await desk.holder(secret) is not None for secret in (first, second)] == [True, True]
    desk.clock.seconds += 43_200
    third = await renew_starter_key(desk.keys, desk.clock, desk.digest)
    assert [await desk.holder(secret) is not None for secret in (first, second, third)] == [False, True, True]
    desk.clock.seconds += 86_400 * 3
    fourth = await renew_starter_key(desk.keys, desk.clock, desk.digest)
    alive = [await desk.holder(secret) is not None for secret in (first, second, third, fourth)]
    assert (alive, len(await desk.keys.list())) == ([False, False, False, True], 1)


@pytest.mark.anyio
async def test_a_starter_key_that_was_revoked_stays_so(desk: Desk) -> None:
    """The next start makes one under another name."""
    secret = await renew_starter_key(desk.keys, desk.clock, desk.digest)
    (key,) = await desk.keys.list()
    await revoke_key(desk.keys, desk.clock, key.id)
    again = await renew_starter_key(desk.keys, desk.clock, desk.digest)
    assert await desk.holder(secret) is None
    holder = await desk.holder(again)
    assert holder is not None
    assert holder.name == "starter-2"


@pytest.mark.anyio
async def test_somebody_s_key_called_starter_is_left_alone(desk: Desk) -> None:
    """A key that somebody made for a use keeps its secret and its expiry, whatever it is called."""
    drafts = [KeyDraft(name="starter"), KeyDraft(name="starter-3", expires="30d", credits=5)]
    own = [await issue_key(desk.keys, desk.clock, desk.digest, draft) for draft in drafts]
    await renew_starter_key(desk.keys, desk.clock, desk.digest)
    assert [await desk.keys.get(issued.key.id) for issued in own] == [issued.key for issued in own]
    names = sorted(key.name for key in await desk.keys.list())
    assert names == ["starter", "starter-2", "starter-3"]
    expiry = next(key.expires_at for key in await desk.keys.list() if key.name == "starter-2")
    assert expiry == desk.clock.now() + timedelta(days=1)
