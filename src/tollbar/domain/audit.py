"""Who changed what: entries that are only ever added, each sealed with the one before it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tollbar.domain.identity import Allowance, EndUserTerms, Key
from tollbar.domain.money import to_decimal
from tollbar.domain.teams import Team

FIRST = b"\0" * 32
"""What the first entry is sealed with."""
Told = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, as people read it, and the request by which, if it is one."""

    name: str = "tollbar"
    request_id: str | None = None


PROGRAM = Actor()
"""The program itself: what it does at a start, on a schedule, or for a caller who fetches a key."""


class Entry(NamedTuple):
    """One change. `before` and `after` are JSON of the fields that differ; `seal` is over this and the one before."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: str
    after: str
    request_id: str | None
    seal: bytes


class Search(NamedTuple):
    """Which entries are sought: those that hold these texts, and are older than `before`; so many of the newest."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    before: int = 2**62
    count: int = 200


class Verified(NamedTuple):
    """How many entries there are, the last one's seal, and the number of the first that does not fit, if any."""

    entries: int
    last_seal: bytes
    wrong: int | None


def seal(previous: bytes, entry: Entry) -> bytes:
    """What an entry that follows the one with the seal `previous` is sealed with, whatever its own `seal` says."""
    said = [entry.number, entry.at.isoformat(), *entry[2:-1]]
    return hashlib.sha256(previous + json.dumps(said, separators=(",", ":")).encode()).digest()


def differing(before: Told, after: Told) -> tuple[str, str]:
    """The fields that differ, as they were and as they are, as JSON."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return _json(before, names), _json(after, names)


def told_of(subject: Key | Team) -> Told:
    """What the audit tells of a key or a team: never a secret, nor a part of one."""
    told: dict[str, object] = {
        "name": subject.name,
        "models": list(subject.models) or ["*"],
        "limits": [str(limit) + f" ({limit.measure})" for limit in subject.limits],
        "allowances": [_allowance(allowance) for allowance in subject.allowances],
        "end_users": _terms(subject.end_user_terms),
    }
    if isinstance(subject, Key):
        moments = {"expires_at": subject.expires_at, "revoked_at": subject.revoked_at}
        told |= {"permission": subject.permission, "kind": subject.kind, "tier": subject.tier, "team": subject.team}
        told |= {name: moment and moment.isoformat() for name, moment in moments.items()}
    return told


def _allowance(allowance: Allowance) -> str:
    unit, top_up = allowance.id.unit, allowance.top_up
    extra = f", {to_decimal(unit, top_up.amount)} of it until {top_up.until.isoformat()}" if top_up else ""
    return f"{to_decimal(unit, allowance.granted)} {unit} ({allowance.reset}, {allowance.zone}){extra}"


def _terms(terms: EndUserTerms | None) -> str | None:
    if terms is None:
        return None
    grants = (f"{to_decimal(one.unit, one.amount)} {one.unit} ({one.reset}, {one.zone})" for one in terms.grants)
    return f"each: {', '.join(grants) or 'nothing'}; {'required' if terms.is_required else 'optional'}"


def _json(told: Told, names: list[str]) -> str:
    return json.dumps({name: told[name] for name in names if name in told}, separators=(",", ":"))
