"""`tollbar keys end-users`, and the same of teams: who they are, what each may spend, and one of them changed."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import output
from tollbar.cli.faults import spoken
from tollbar.cli.granting import Granted, draft_of
from tollbar.cli.keys import Reference, run
from tollbar.cli.options import Config, Data, Json, spread
from tollbar.cli.teams import Reference as TeamReference

if TYPE_CHECKING:
    from tollbar.admin.drafts import KeyDraft
    from tollbar.cli.store import Desk
    from tollbar.domain.end_users import EndUser
    from tollbar.domain.identity import EndUserTerms, Key
    from tollbar.domain.teams import Team

NAMING = {True: "A call must name one.", False: "A call may name none."}


@dataclass(frozen=True)
class Asked:
    """Options: whether nobody need be named, nothing any more, whom to show, and one to change."""

    optional: Annotated[bool, typer.Option("--optional", help="Let calls pass that name nobody.")] = False
    off: Annotated[bool, typer.Option("--off", help="Tell them apart no more.")] = False
    name: Annotated[str, typer.Option("--name", metavar="USER", help="Only the one whom calls name so.")] = ""
    block: Annotated[str, typer.Option("--block", metavar="USER", help="Refuse the calls of one.")] = ""
    unblock: Annotated[str, typer.Option("--unblock", metavar="USER", help="Let them pass again.")] = ""
    renew: Annotated[str, typer.Option("--renew", metavar="USER", help="Have what one spent count no more.")] = ""
    erase: Annotated[str, typer.Option("--erase", metavar="USER", help="Forget the name of one, for good.")] = ""


@spread
def of_key(
    key: Reference, granted: Granted, asked: Asked, as_json: Json = False, config: Config = None, data: Data = None
) -> None:
    """List whom a key is used for, or grant to each.

    With an amount, so much is granted to each of them. Calls say whom they are for in the field 'user' or the header
    x-tollbar-end-user.
    """
    from tollbar.admin.keys import find_key

    with spoken():
        amounts = draft_of(granted)
        found, _ = run(config, data, lambda desk: _done(desk, find_key(desk.keys, key), amounts, asked))
    _say(*found, as_json=as_json)


@spread
def of_team(
    team: TeamReference, granted: Granted, asked: Asked, as_json: Json = False, config: Config = None, data: Data = None
) -> None:
    """List whom a team's keys are used for, or grant to each.

    With an amount, so much is granted to each of them. Calls say whom they are for in the field 'user' or the header
    x-tollbar-end-user.
    """
    from tollbar.admin.teams import find_team

    with spoken():
        amounts = draft_of(granted)
        found, _ = run(config, data, lambda desk: _done(desk, find_team(desk.teams, team), amounts, asked))
    _say(*found, as_json=as_json)


async def _done(
    desk: "Desk", finding: "Awaitable[Key | Team]", amounts: "KeyDraft", asked: Asked
) -> "tuple[str, EndUserTerms | None, Sequence[EndUser]]":
    """Does what is asked; the owner, its terms and its end users as they are then."""
    from tollbar.admin import end_users
    from tollbar.admin.drafts import KeyDraft
    from tollbar.domain.end_users import EndUserChange

    owner, owners = (await finding).id, end_users.Owners(desk.keys, desk.teams)
    if asked.off:
        await end_users.forget(owners, owner)
    elif asked.optional or amounts != KeyDraft():
        await end_users.tell_apart(owners, owner, amounts, not asked.optional)
    for reference, change in (
        (asked.block, EndUserChange(is_blocked=True)),
        (asked.unblock, EndUserChange(is_blocked=False)),
        (asked.renew, EndUserChange(renews=True)),
        (asked.erase, EndUserChange(erases=True)),
    ):
        if reference:
            await end_users.change_end_user(desk.end_users, owner, reference, change)
    whose = await owners.get(owner)
    return owner, whose.end_user_terms, await end_users.list_end_users(desk.end_users, owner, asked.name)


def _say(owner: str, terms: "EndUserTerms | None", found: "Sequence[EndUser]", *, as_json: bool) -> None:
    from tollbar.edge.end_user_schemas import EndUserList, EndUserTermsView, EndUserView

    if as_json:
        told = EndUserList(terms=EndUserTermsView.of(owner, terms), data=[EndUserView.of(one) for one in found])
        output.say_json(told.model_dump())
        return
    if terms is None:
        output.note("End users are not told apart here. To grant each of them something, name an amount: --credits 50")
    else:
        output.note(f"Each is granted {output.grants(terms.grants)}. {NAMING[terms.is_required]}")
    rows = [
        (
            *(one.name, one.id, "blocked" if one.blocked_at else ""),
            ", ".join(output.allowance(allowance) for allowance in one.allowances),
        )
        for one in found
    ]
    if rows:
        output.say_table(("name", "id", "state", "allowances"), rows)
