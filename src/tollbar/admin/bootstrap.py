"""What a start sees to before anybody can call: the instance secret, an admin key, and a key for the first `curl`.

Guarantees: the instance secret is written once, for its owner alone to read, and is whole or absent even if two
processes start together; there is a valid admin key after `ensure_admin_key`; starter keys do not pile up.
"""

import os
import re
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tollbar.admin.keys import Digest, IssuedKey, hint_of, new_id, new_secret, rotate_key
from tollbar.domain.errors import Conflict
from tollbar.domain.identity import Key, Permission
from tollbar.ports.clock import Clock
from tollbar.ports.keys import KeyChange, KeyStore

SECRET_FILE = "secret"
SECRET_BYTES = 32
KEY_BYTES = 32
ADMIN_NAME = "admin"
STARTER_NAME = "starter"
STARTER_LIFE = timedelta(hours=24)


class BootstrapError(Exception):
    """The gateway must not start like this; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class InstanceKeys:
    """The keys that are derived from the instance secret, one for each use, none of them showing the others.

    `check` may be stored in clear: it tells whether a store belongs to this secret.
    """

    pepper: bytes = field(repr=False)
    encryption: bytes = field(repr=False)
    session: bytes = field(repr=False)
    check: bytes


def read_secret(data: Path, configured: str | None) -> bytes:
    """The instance secret: the configured one, else that of the data directory, which is made if there is none.

    Raises BootstrapError.
    """
    if configured is not None:
        return configured.encode()
    path = data / SECRET_FILE
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, secrets.token_hex(SECRET_BYTES))
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise BootstrapError(f"{path} cannot be read or made: {fault}. Set TOLLBAR_SECRET, or mend it.") from fault
    if len(text) < SECRET_BYTES:
        raise BootstrapError(
            f"{path} is cut short: it holds {len(text)} characters. Restore it from a backup; "
            "without it the stored keys are worth nothing."
        )
    return text.encode()


def derive(secret: bytes) -> InstanceKeys:
    """The keys for each use, by HKDF-SHA256 (RFC 5869) with the use as its context."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    def key_for(use: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"tollbar {use} v1".encode()).derive(secret)

    return InstanceKeys(key_for("pepper"), key_for("encryption"), key_for("session"), key_for("check"))


def is_private(path: Path) -> bool:
    """Whether nobody but a file's owner can read it; true where the system does not say."""
    return os.name == "nt" or not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


async def ensure_admin_key(store: KeyStore, clock: Clock, digest: Digest, configured: str | None) -> str | None:
    """Sees to it that there is an admin key. Returns one that was made, to be shown this once; else None.

    A configured key becomes the secret of the key named `admin`, whose earlier secrets stop at that moment. Raises
    BootstrapError when the configured key was ended once: it may be known to others.
    """
    if configured is not None:
        await _adopt_admin_key(store, clock, digest, configured)
        return None
    usual = await store.find_named(ADMIN_NAME)
    if (usual is not None and _is_admin(usual, clock)) or any(_is_admin(key, clock) for key in await store.list()):
        return None
    try:
        return (await _add_admin(store, clock, digest, None)).secret
    except Conflict:  # another process started at the same moment, made it, and shows it
        return None


async def reset_admin_key(store: KeyStore, clock: Clock, digest: Digest) -> IssuedKey:
    """Makes a new admin key and ends every other admin key at once."""
    present = await _own_admin(store, clock)
    issued = (
        await rotate_key(store, clock, digest, present.id) if present else await _add_admin(store, clock, digest, None)
    )
    for key in await store.list():
        if key.permission is Permission.ADMIN and key.revoked_at is None and key.id != issued.key.id:
            await store.change(key.id, KeyChange(revoked_at=clock.now()))
    return issued


async def renew_starter_key(store: KeyStore, clock: Clock, digest: Digest) -> str:
    """The secret of a key for calls that works for a day: the one in the line to paste at a start on this machine.

    It is one key that gets another secret at each start, so that there is never a heap of them; a secret of an earlier
    start works until its own day is over.
    """
    now = clock.now()
    present = await store.find_named(STARTER_NAME)
    keys: Sequence[Key] = ()
    if present is not None and not _is_starter(present):  # somebody gave the name to a key of their own
        keys = await store.list()
        present = next((key for key in keys if _is_starter(key)), None)
    if present is None:
        name = _free_name(STARTER_NAME, keys)
        key_id = new_id()
        secret = new_secret(key_id)
        key = Key(key_id, name, hint_of(secret), Permission.CALL, now, expires_at=now + STARTER_LIFE)
        try:
            await store.add(key, digest(secret), ())
        except Conflict:  # another process started at the same moment; its key gets one more secret
            return await renew_starter_key(store, clock, digest)
        return secret
    secret = new_secret(present.id)
    await store.rotate(present.id, digest(secret), hint_of(secret), max(now, present.expires_at or now))
    await store.change(present.id, KeyChange(expires_at=now + STARTER_LIFE))
    return secret


async def _adopt_admin_key(store: KeyStore, clock: Clock, digest: Digest, configured: str) -> None:
    principal = await store.find(digest(configured))
    if principal is not None:
        is_over = principal.expires_at is not None and principal.expires_at <= clock.now()
        if principal.permission is not Permission.ADMIN or principal.revoked_at is not None or is_over:
            raise BootstrapError("TOLLBAR_ADMIN_KEY is a key that was ended, or that was made for calls. Set another.")
        return
    present = await _own_admin(store, clock)
    if present is None:
        await _add_admin(store, clock, digest, configured)
    else:
        await store.rotate(present.id, digest(configured), hint_of(configured), clock.now())


async def _own_admin(store: KeyStore, clock: Clock) -> Key | None:
    """The valid admin key that a start made, as opposed to those that people made for each other."""
    usual = await store.find_named(ADMIN_NAME)
    if usual is not None and _is_admin(usual, clock):
        return usual
    keys = [key for key in await store.list() if _is_admin(key, clock)]
    return next((key for key in keys if re.fullmatch(rf"{ADMIN_NAME}(-\d+)?", key.name)), None)


async def _add_admin(store: KeyStore, clock: Clock, digest: Digest, configured: str | None) -> IssuedKey:
    key_id = new_id()
    secret = configured or new_secret(key_id)
    name = _free_name(ADMIN_NAME, await store.list())
    key = Key(key_id, name, hint_of(secret), Permission.ADMIN, clock.now())
    return IssuedKey(await store.add(key, digest(secret), ()), secret)


def _is_admin(key: Key, clock: Clock) -> bool:
    is_valid = key.revoked_at is None and (key.expires_at is None or key.expires_at > clock.now())
    return key.permission is Permission.ADMIN and is_valid


def _is_starter(key: Key) -> bool:
    """Whether a start made the key: by its name, and by what a key that somebody made for a use would hardly lack."""
    is_named = re.fullmatch(rf"{STARTER_NAME}(-\d+)?", key.name) is not None
    is_plain = not (key.models or key.limits or key.allowances) and key.permission is Permission.CALL
    return is_named and is_plain and key.expires_at is not None and key.revoked_at is None


def _free_name(name: str, keys: Sequence[Key]) -> str:
    taken = {key.name for key in keys}
    number = 1
    while (candidate := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return candidate


def _publish(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)  # unlike a rename, it never replaces what another process has published
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the window in which two first starts collide is accepted
        temporary.replace(path)


def _write_once(path: Path, text: str) -> None:
    """Writes a file that is whole or absent; if another process was first, its file stays."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            _publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
