"""Who calls: the credential that came, the principal it stands for, and the form of our own keys.

A key reads `sk-toll-` + 10 characters of public id + 28 of secret (166 bits) + 6 of checksum, all of base 62. The
checksum tells a mistyped key without a look-up, and lets scanners find leaked keys without false alarms.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tollbar.domain.limits import Limit
from tollbar.domain.money import Unit

KEY_PREFIX = "sk-toll-"
ID_LENGTH = 10
SECRET_LENGTH = 28
CHECKSUM_LENGTH = 6
KEY_LENGTH = len(KEY_PREFIX) + ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Permission(StrEnum):
    """What a key opens: calls to models, or the administration of the gateway."""

    CALL = "call"
    ADMIN = "admin"


class KeyKind(StrEnum):
    """How a key came to be. The last two are not stored: they are valid as long as the settings say so."""

    ISSUED = "issued"
    SELF_SERVICE = "self_service"
    ROTATING = "rotating"
    STATIC = "static"
    ANONYMOUS = "anonymous"

    @property
    def is_stored(self) -> bool:
        """Whether the store has a row for it."""
        return self not in (KeyKind.STATIC, KeyKind.ANONYMOUS)


class Reset(StrEnum):
    """When an allowance begins anew; periods are whole hours, days, weeks (from Monday) and months in its time zone."""

    NEVER = "never"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Credential:
    """The secret that came with a request, and the header it came in. Its text never reaches a log."""

    text: str
    place: str

    def __repr__(self) -> str:
        return f"Credential(text='***', place={self.place!r})"


class Holder(StrEnum):
    """Whose an allowance is; a call holds from all that cover its key."""

    KEY = "key"
    TEAM = "team"
    INSTALLATION = "installation"
    END_USER = "end_user"


@dataclass(frozen=True, slots=True)
class AllowanceId:
    """An allowance that covers a key: the number it has in the store, its unit, and whose it is."""

    number: int
    unit: Unit
    holder: Holder = Holder.KEY


@dataclass(frozen=True, slots=True)
class Grant:
    """An allowance to be made: so many of a unit, once or in every period. `zone` names the periods' time zone."""

    unit: Unit
    amount: int
    reset: Reset = Reset.NEVER
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class EndUserTerms:
    """What a key or a team grants to each of its end users, and whether a call has to name one."""

    grants: tuple[Grant, ...] = ()
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Membership:
    """The team of a key: what all its keys together may do. `models` empty means every model."""

    id: str
    name: str
    models: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class TopUp:
    """An amount on top of an allowance until a moment; another one, or none, takes its place."""

    unit: Unit
    amount: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Allowance:
    """How an allowance stands. `granted − spent − held = left`; amounts are whole, dollars in nano-dollars.

    `granted` holds a `top_up` for as long as it lasts.
    """

    id: AllowanceId
    granted: int
    spent: int
    held: int
    reset: Reset = Reset.NEVER
    resets_at: datetime | None = None
    top_up: TopUp | None = None
    zone: str = "UTC"

    @property
    def left(self) -> int:
        """What a new call could still take; negative after an overrun."""
        return self.granted - self.spent - self.held


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a valid credential stands for, with all that admission needs. It never carries the secret.

    `models` empty means every model. `credit_cost` is the price, in credits, of one call before the model's multiplier;
    a key with a `tier` costs what the tier costs now. `bound_to` is the digest of the one source that may use it.
    Models and limits of its `team` hold beside its own; `allowances` are all that cover it, whosever they are.
    `end_user_terms` are its own and its team's, by the id of whose they are; `end_users` the ids of the end user of one
    call under each of them.
    """

    key_id: str
    name: str
    permission: Permission = Permission.CALL
    models: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    allowances: tuple[AllowanceId, ...] = ()
    credit_cost: int = 1
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    kind: KeyKind = KeyKind.ISSUED
    tier: str = ""
    bound_to: bytes | None = None
    team: Membership | None = None
    end_user_terms: tuple[tuple[str, EndUserTerms], ...] = ()
    end_users: tuple[str, ...] = ()

    @property
    def end_user(self) -> str | None:
        """For whom the call is made, as the ledger names them: an end user of the key, or else of its team."""
        return self.end_users[0] if self.end_users else None


@dataclass(frozen=True, slots=True)
class Key:
    """A key as its keeper sees it: everything but the secret. `hint` is its prefix and last four characters.

    `version` grows with each change; a change that names an older one is refused. `tier` is empty for a plain key;
    `bound_to` is the digest of the one address that may use it, None for a key that works from everywhere. `team` is
    the id of its team, empty for none; `allowances` are the key's own, `end_user_terms` what it grants to each end
    user, if it tells them apart.
    """

    id: str
    name: str
    hint: str
    permission: Permission
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    models: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    version: int = 1
    kind: KeyKind = KeyKind.ISSUED
    tier: str = ""
    bound_to: bytes | None = None
    team: str = ""
    end_user_terms: EndUserTerms | None = None


def assemble(public_id: str, secret: str) -> str:
    """The whole key of a public id and a secret, with its checksum."""
    body = f"{KEY_PREFIX}{public_id}{secret}"
    return body + checksum(body)


def checksum(body: str) -> str:
    """Six characters of base 62 that stand for the CRC-32 of a key without them."""
    value = zlib.crc32(body.encode())
    digits: list[str] = []
    for _ in range(CHECKSUM_LENGTH):
        value, digit = divmod(value, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def is_well_formed(text: str) -> bool:
    """Whether the text has the length, prefix and checksum of a key of ours."""
    if len(text) != KEY_LENGTH or not text.startswith(KEY_PREFIX) or not text.isascii():
        return False
    return checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]


def draw(symbols: Sequence[int]) -> str:
    """Characters of the key alphabet for random numbers below its size."""
    return "".join(ALPHABET[symbol] for symbol in symbols)
