"""For whom a call is made: the end user that it names, with the allowances that its key and its team grant to each.

Only keys that tell their end users apart come here; a call of any other pays nothing for it. A key that was looked up
anew has its end users looked up anew, so that what was changed of them counts within a second.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from tollbar.domain.end_users import LONGEST_NAME, EndUser
from tollbar.domain.errors import InvalidValue, MissingField, NotAllowed, NotFound
from tollbar.domain.identity import Allowance, EndUserTerms, Principal
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
            _check_nobody(principal)
            return principal
        known = self._known.get((principal.key_id, name))
        if known is not None and known[0] is principal:
            return known[1]
        found = _for(principal, await _let_in(principal, name, self._store.admit))
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[principal.key_id, name] = principal, found
        return found

    def forget(self) -> None:
        """Has each of them looked up anew; a name that was erased is in the memory of this process no more."""
        self._known.clear()

    async def foreseen(self, principal: Principal, name: str | None) -> list[Allowance]:
        """What would cover the same call beside what covers its key; raises the same, and makes nobody."""
        if not name:
            _check_nobody(principal)
            return []
        return _covering(principal, await _let_in(principal, name, self._store.foresee))

    async def seen(self, principal: Principal, name: str) -> Principal:
        """The same of one whom calls have named before; raises NotFound, for nobody is made by being asked for."""
        check(name)
        found = [one for owner, _ in principal.end_user_terms for one in await self._store.list(owner, name)]
        if not found:
            hint = "One is known from the first call that names it."
            raise NotFound(f"This key has no end user {name!r}.", hint=hint, field=FIELD)
        return _for(principal, found)


async def _let_in(
    principal: Principal, name: str, find: Callable[[str, str, EndUserTerms], Awaitable[EndUser]]
) -> list[EndUser]:
    """Who the name is for the key and for its team, as far as each tells them apart."""
    check(name)
    found: list[EndUser] = []
    for owner, terms in principal.end_user_terms:
        end_user = await find(owner, name, terms)
        if end_user.blocked_at is not None:
            raise NotAllowed("This end user is blocked.", hint="Ask whoever gave you the key.", field=FIELD)
        found.append(end_user)
    return found


def _for(principal: Principal, end_users: Sequence[EndUser]) -> Principal:
    """The principal on whose behalf they are, with what the terms of today grant them."""
    covering = (one.id for one in _covering(principal, end_users))
    ids = tuple(each.id for each in end_users)
    return replace(principal, allowances=(*principal.allowances, *covering), end_users=ids)


def _covering(principal: Principal, end_users: Sequence[EndUser]) -> list[Allowance]:
    granted = {owner: {grant.unit for grant in terms.grants} for owner, terms in principal.end_user_terms}
    return [one for each in end_users for one in each.allowances if one.id.unit in granted[each.owner]]


def _check_nobody(principal: Principal) -> None:
    if any(terms.is_required for _, terms in principal.end_user_terms):
        raise MissingField("Calls with this key are made for an end user.", field=FIELD, hint=NAMED_BY)


def check(name: str) -> None:
    """Raises InvalidValue for what is no name of an end user."""
    if len(name) > LONGEST_NAME or not name.isprintable():
        wrong = f"The name of an end user has at most {LONGEST_NAME} characters, all of them printable."
        raise InvalidValue(wrong, field=FIELD)
