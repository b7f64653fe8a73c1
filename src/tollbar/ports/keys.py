"""Keys, the teams that they belong to, and the end users that they are used for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tollbar.domain.audit import Actor
from tollbar.domain.end_users import EndUser, EndUserChange
from tollbar.domain.identity import AllowanceId, EndUserTerms, Grant, Key, Principal, TopUp
from tollbar.domain.limits import Limit
from tollbar.domain.teams import Team


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What to change of a key: fields that are None stay; `grants` replaces the amounts of the units it names.

    `never_expires` removes the expiry, `unbinds` the address that a key is bound to. An empty `tier` is a plain key.
    `forgets_end_users` has end users told apart no more; what they spent stays known.
    """

    name: str | None = None
    tier: str | None = None
    team: str | None = None
    expires_at: datetime | None = None
    never_expires: bool = False
    unbinds: bool = False
    revoked_at: datetime | None = None
    models: tuple[str, ...] | None = None
    limits: tuple[Limit, ...] | None = None
    grants: tuple[Grant, ...] | None = None
    top_ups: tuple[TopUp, ...] = ()
    end_user_terms: EndUserTerms | None = None
    forgets_end_users: bool = False


class KeyStore(Protocol):
    """Keys by the keyed digest of their secret, and by id for those who keep them. Secrets never reach it."""

    def by(self, actor: Actor) -> "KeyStore":
        """The same store, whose changes the audit says were made by this actor, and not by the program itself."""

    async def find(self, digest: bytes) -> Principal | None:
        """The principal behind a digest, expired and revoked ones included; None for an unknown one."""

    async def shared(self) -> Sequence[AllowanceId]:
        """The allowances of the installation: those that cover callers who are not in the store."""

    async def add(self, key: Key, digest: bytes, grants: Sequence[Grant]) -> Key:
        """Stores a new key with its allowances, durably; raises `Conflict` when its id or name is in use.

        Of all that add a self-service key bound to one address, one succeeds, and the field of the others' Conflict is
        `bound_to`.
        """

    async def list(self) -> Sequence[Key]:
        """Every key, newest first, with its allowances as they stand."""

    async def get(self, key_id: str) -> Key:
        """One key; raises `NotFound`."""

    async def find_named(self, name: str) -> Key | None:
        """The key of that name, revoked or not; names are unique. It costs the same however many keys there are."""

    async def find_bound(self, bound_to: bytes) -> Key | None:
        """The self-service key that is bound to an address, whatever became of it."""

    async def change(self, key_id: str, change: KeyChange, version: int | None = None) -> Key:
        """The key after the change; raises `NotFound`, or `Conflict` when `version` is not the stored one."""

    async def rotate(self, key_id: str, digest: bytes, hint: str, old_until: datetime) -> Key:
        """Gives the key another secret; earlier ones stop at `old_until`. Raises NotFound, or Conflict if revoked."""


class TeamStore(Protocol):
    """Teams by id, the installation among them."""

    def by(self, actor: Actor) -> "TeamStore":
        """As `KeyStore.by`."""

    async def add(self, team: Team, grants: Sequence[Grant]) -> Team:
        """Stores a new team with its allowances, durably; raises `Conflict` when its id or name is in use."""

    async def list(self) -> Sequence[Team]:
        """Every team, by name, with its allowances as they stand."""

    async def get(self, team_id: str) -> Team:
        """One team; raises `NotFound`."""

    async def change(self, team_id: str, change: KeyChange, version: int | None = None) -> Team:
        """The team after what a team has of the change; raises `NotFound`, or `Conflict` as `KeyStore.change` does."""


class EndUserStore(Protocol):
    """The end users of keys and teams; `owner` is the id of one of these."""

    def by(self, actor: Actor) -> "EndUserStore":
        """As `KeyStore.by`."""

    async def admit(self, owner: str, name: str, terms: EndUserTerms) -> EndUser:
        """The end user of that name with the allowances of the terms, made at first sight.

        Of all who ask at once, in whatever process, one makes it. Raises `NotAllowed` when there are too many.
        """

    async def foresee(self, owner: str, name: str, terms: EndUserTerms) -> EndUser:
        """What `admit` would give or raise, without a change: who is new has no id, and its allowances no numbers."""

    async def list(self, owner: str, name: str = "") -> Sequence[EndUser]:
        """Those of a key or a team that are new of late, or the one of that name, as they stand."""

    async def change(self, owner: str, end_user: str, change: EndUserChange) -> EndUser:
        """The end user, by its id, after the change; raises `NotFound`."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotating key: the how manyth it is, the key it is a secret of, that secret sealed, and its time."""

    number: int
    key_id: str
    sealed: bytes
    created_at: datetime
    expires_at: datetime
    is_revoked: bool = False


class RotationStore(Protocol):
    """The one rotating key there is; exactly one is in force, whoever asks and however many try to replace it."""

    async def current(self) -> Rotation | None:
        """What is in force; None before the first."""
        ...

    async def advance(self, key: Key, digest: bytes, rotation: Rotation, old_until: datetime) -> Rotation:
        """Puts `rotation` in force if the one before it, by its number, is; returns what is in force afterwards.

        The key is made, or given this secret while its earlier ones stop at `old_until`. All of it or nothing; raises
        `Conflict` when the name of a key to be made is in use.
        """
        ...
