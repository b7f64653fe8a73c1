"""How keys are told: as a table, as a page, as JSON in the admin API's shape, and once with their secret."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tollbar.cli import output
from tollbar.domain.identity import Key, KeyKind, Permission

if TYPE_CHECKING:
    from tollbar.admin.keys import IssuedKey


def say_list(keys: Sequence[Key], now: datetime) -> None:
    """Writes a table of keys."""
    heads = ("name", "id", "state", "kind", "opens", "tier", "models", "left", "limits", "expires", "made")
    output.say_table(heads, [_row(key, now) for key in keys])


def say_key(key: Key, now: datetime, *, as_json: bool) -> None:
    """Writes one key's page."""
    if as_json:
        output.say_json(describe(key, now))
        return
    output.say_pairs(
        [
            ("name", key.name),
            ("id", key.id),
            ("key", key.hint),
            ("state", output.state(key, now)),
            ("opens", "calls to models" if key.permission is Permission.CALL else "administration"),
            ("kind", "" if key.kind is KeyKind.ISSUED else key.kind.replace("_", " ")),
            ("tier", key.tier),
            ("team", key.team),
            ("address", "one only" if key.bound_to else ""),
            ("models", ", ".join(key.models) or "all"),
            *(("allowance", output.allowance(allowance)) for allowance in key.allowances),
            ("each end user", output.grants(key.end_user_terms.grants) if key.end_user_terms else ""),
            *(("limit", output.limit(limit)) for limit in key.limits),
            ("made", output.moment(key.created_at, now)),
            ("expires", output.moment(key.expires_at, now) or "never"),
            ("revoked", output.moment(key.revoked_at, now)),
        ]
    )


def say_issued(issued: "IssuedKey", now: datetime, what: str, *, quiet: bool, as_json: bool) -> None:
    """Writes a key with its secret: to standard output what a script wants, beside it what a person should know."""
    if quiet:
        output.say(issued.secret)
    elif as_json:
        output.say_json({**describe(issued.key, now), "key": issued.secret})
    else:
        output.note(f"The key {output.clean(issued.key.name)} {what}. It is shown this once; keep it safe:")
        output.say(issued.secret)


def describe(key: Key, now: datetime) -> dict[str, object]:
    """A key for programs, in the admin API's shape."""
    from tollbar.edge.schemas import KeyView

    return KeyView.of(key, now).model_dump()


def _row(key: Key, now: datetime) -> tuple[str, ...]:
    return (
        key.name,
        key.id,
        output.state(key, now),
        "" if key.kind is KeyKind.ISSUED else key.kind.replace("_", " "),
        key.permission if key.permission is not Permission.CALL else "",
        key.tier,
        ", ".join(key.models) or "all",
        ", ".join(output.amount(allowance.id.unit, allowance.left) for allowance in key.allowances),
        ", ".join(output.limit(limit) for limit in key.limits),
        output.relative(key.expires_at, now) if key.expires_at else "never",
        output.relative(key.created_at, now),
    )
