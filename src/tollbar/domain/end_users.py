"""End users: the people for whom a key's holder calls, as far as a key or a team tells them apart."""

from dataclasses import dataclass
from datetime import datetime

from tollbar.domain.identity import Allowance

PREFIX = "user_"
"""How the id of an end user begins, so that it is never that of a key or a team."""
LONGEST_NAME = 256
ERASED = "erased-"
"""How the name begins that one has whose own was forgotten; what follows is made up."""


@dataclass(frozen=True, slots=True)
class EndUser:
    """One of them: `name` is what calls say, `owner` the key or team; the ledger knows the `id` alone."""

    id: str
    owner: str
    name: str
    first_seen_at: datetime
    blocked_at: datetime | None = None
    allowances: tuple[Allowance, ...] = ()


@dataclass(frozen=True, slots=True)
class EndUserChange:
    """What to do to one of them: let in or keep out, None for neither; `renews` has nothing spent any more.

    `erases` has the name forgotten, wherever it is stored, and a made-up one in its place.
    """

    is_blocked: bool | None = None
    renews: bool = False
    erases: bool = False
