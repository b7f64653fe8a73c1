"""`/admin/api/end-users`: the use cases of `admin/end_users.py` over HTTP, and nothing of their own."""

from fastapi import Request
from starlette.responses import Response

from tollbar.admin import end_users
from tollbar.admin.drafts import KeyDraft
from tollbar.admin.end_users import Owners
from tollbar.domain.end_users import EndUserChange
from tollbar.edge.acting import actor_of, keys_of, teams_of
from tollbar.edge.bodies import answer, read
from tollbar.edge.end_user_schemas import EndUserList, EndUserTermsView, EndUserTermsWish, EndUserUpdate, EndUserView
from tollbar.edge.schemas import NothingMore, Wish
from tollbar.edge.services import Services


async def list_end_users(request: Request, owner: str) -> Response:
    """The end users of a key or a team that are new of late, or the one that `user` names; and what each may spend."""
    services: Services = request.app.state.services
    whose = await _owners(request).get(owner)
    found = await end_users.list_end_users(services.end_users, owner, request.query_params.get("user", ""))
    terms = EndUserTermsView.of(owner, whose.end_user_terms)
    return answer(EndUserList(terms=terms, data=[EndUserView.of(one) for one in found]))


async def tell_apart(request: Request, owner: str) -> Response:
    """Grants each end user of a key or a team what the body says, in the place of what it was."""
    services: Services = request.app.state.services
    wish = await read(request, EndUserTermsWish)
    draft = KeyDraft(**wish.model_dump(exclude={"required"}))
    changed = await end_users.tell_apart(_owners(request), owner, draft, wish.required)
    services.key_changed(owner)
    return answer(EndUserTermsView.of(owner, changed.end_user_terms))


async def forget(request: Request, owner: str) -> Response:
    """Tells the end users of a key or a team apart no more; what they spent stays in the ledger."""
    services: Services = request.app.state.services
    await read(request, Wish)
    changed = await end_users.forget(_owners(request), owner)
    services.key_changed(owner)
    return answer(EndUserTermsView.of(owner, changed.end_user_terms))


async def change_end_user(request: Request, owner: str, end_user: str) -> Response:
    """Blocks one end user, lets it in again, or has what it spent count no more."""
    services: Services = request.app.state.services
    update = await read(request, EndUserUpdate)
    change = EndUserChange(update.blocked, update.renew)
    store = services.end_users.by(actor_of(request))
    changed = await end_users.change_end_user(store, owner, end_user, change)
    services.key_changed(owner)
    return answer(EndUserView.of(changed))


async def erase(request: Request, owner: str, end_user: str) -> Response:
    """Forgets the name of an end user for good; what was used and charged stays, under the id."""
    services: Services = request.app.state.services
    await read(request, NothingMore)
    store = services.end_users.by(actor_of(request))
    changed = await end_users.change_end_user(store, owner, end_user, EndUserChange(erases=True))
    services.key_changed(owner)
    return answer(EndUserView.of(changed))


def _owners(request: Request) -> Owners:
    return Owners(keys_of(request), teams_of(request))
