"""What each end user of a key or a team may spend; and one of them shown, blocked, or given a new start."""

from collections.abc import Sequence
from dataclasses import dataclass

from tollbar.admin import drafts
from tollbar.admin.drafts import KeyDraft
from tollbar.domain.end_users import EndUser, EndUserChange
from tollbar.domain.errors import InvalidValue, NotFound
from tollbar.domain.identity import EndUserTerms, Key
from tollbar.domain.teams import INSTALLATION, PREFIX, Team
from tollbar.ports.keys import EndUserStore, KeyChange, KeyStore, TeamStore


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose end users there can be: keys and teams, by their ids."""

    keys: KeyStore
    teams: TeamStore

    async def get(self, owner: str) -> Key | Team:
        """The key or the team; raises NotFound."""
        is_team = owner == INSTALLATION or owner.startswith(PREFIX)
        return await (self.teams.get(owner) if is_team else self.keys.get(owner))

    async def change(self, owner: str, change: KeyChange) -> Key | Team:
        """The same after a change; raises NotFound, or InvalidValue for the installation."""
        if owner == INSTALLATION:
            hint = "Name a key or a team of its own."
            raise InvalidValue("The installation has no end users.", field="owner", hint=hint)
        return await (self.teams if owner.startswith(PREFIX) else self.keys).change(owner, change)


async def tell_apart(owners: Owners, owner: str, draft: KeyDraft, is_required: bool = True) -> Key | Team:
    """Grants each end user what the draft says, in the place of what it was; raises InvalidValue or NotFound.

    Without an amount, end users are told apart in the ledger and granted nothing of their own.
    """
    await owners.get(owner)
    terms = EndUserTerms(drafts.read_grants(draft), is_required)
    return await owners.change(owner, KeyChange(end_user_terms=terms))


async def forget(owners: Owners, owner: str) -> Key | Team:
    """Tells the end users of a key or a team apart no more; what they spent stays in the ledger. Raises NotFound."""
    return await owners.change(owner, KeyChange(forgets_end_users=True))


async def list_end_users(store: EndUserStore, owner: str, name: str = "") -> Sequence[EndUser]:
    """The newest of them, or the one whom calls name so."""
    return await store.list(owner, name)


async def change_end_user(store: EndUserStore, owner: str, reference: str, change: EndUserChange) -> EndUser:
    """Changes one, by id or by the name that calls give; raises NotFound."""
    for found in await store.list(owner, reference):
        return await store.change(owner, found.id, change)
    try:
        return await store.change(owner, reference, change)
    except NotFound:
        hint = "It is known from the first call that names it."
        raise NotFound("There is no such end user.", hint=hint, field="end_user") from None
