"""For whom a call is made: the end user that it names, with the allowances that its key and its team grant to each.

Only keys that tell their end users apart come here; a call of any other pays nothing for it. A key that was looked up
anew has its end users looked up anew, so that what was changed of them counts within a second.
"""

from dataclasses import replace

from tollbar.domain.end_users import LONGEST_NAME, EndUser
from tollbar.domain.errors import InvalidValue, MissingField, NotAllowed
from tollbar.domain.identity import AllowanceId, Principal
from tollbar.ports.keys import EndUserStore

MOST_KNOWN = 20_000
FIELD = "user"
NAMED_BY = "Name who the call is for in 'user' ('metadata.user_id' in Anthropic's dialect) or as x-tollbar-end-user."


class EndUsers:
    """The end users seen of late."""

    def __init__(self, store: EndUserStore) -> None:
        self._store = store
        self._known: dict[tuple[str, str], tuple[Principal, Principal]] = {}

    async def named(self, principal: Principal, name: str | None) -> Principal:
        """The principal of a call for the end user of that name; raises RequestError or NotAllowed.

        Where nobody is named and nobody needs to be, that is the principal itself.
        """
        if not name:
            if any(terms.is_required for _, terms in principal.end_user_terms):
                raise MissingField("Calls with this key are made for an end user.", field=FIELD, hint=NAMED_BY)
            return principal
        known = self._known.get((principal.key_id, name))
        if known is not None and known[0] is principal:
            return known[1]
        check(name)
        found = await self._admit(principal, name)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[principal.key_id, name] = principal, found
        return found

    async def _admit(self, principal: Principal, name: str) -> Principal:
        covering: list[AllowanceId] = []
        admitted: list[EndUser] = []
        for owner, terms in principal.end_user_terms:
            end_user = await self._store.admit(owner, name, terms)
            if end_user.blocked_at is not None:
                raise NotAllowed("This end user is blocked.", hint="Ask whoever gave you the key.", field=FIELD)
            admitted.append(end_user)
            granted = {grant.unit for grant in terms.grants}
            covering += (one.id for one in end_user.allowances if one.id.unit in granted)
        allowances = (*principal.allowances, *covering)
        return replace(principal, allowances=allowances, end_users=tuple(end_user.id for end_user in admitted))


def check(name: str) -> None:
    """Raises InvalidValue for what is no name of an end user."""
    if len(name) > LONGEST_NAME or not name.isprintable():
        wrong = f"The name of an end user has at most {LONGEST_NAME} characters, all of them printable."
        raise InvalidValue(wrong, field=FIELD)
