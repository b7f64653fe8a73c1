"""The shapes of end users over HTTP."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from tollbar.domain.end_users import EndUser
from tollbar.domain.identity import EndUserTerms, Reset
from tollbar.domain.money import Unit, to_decimal
from tollbar.edge.schemas import AllowanceView, Amount, AmountFields, Shape, Wish


class EndUserTermsWish(AmountFields):
    """What each end user is granted. Without an amount they are told apart, and granted nothing of their own."""

    required: bool = Field(True, description="Whether a call that names nobody is refused.")


class GrantView(Shape):
    """An amount that each gets."""

    unit: Unit
    granted: Amount
    reset: Reset
    time_zone: str


class EndUserTermsView(Shape):
    """What each end user of a key or a team may spend."""

    object: Literal["end_user_terms"] = "end_user_terms"
    owner: str = Field(description="The key or the team, by its id.")
    told_apart: bool = Field(description="Whether calls are counted by whom they are for.")
    required: bool = Field(description="Whether a call that names nobody is refused.")
    each: list[GrantView] = Field(description="What each is granted.")

    @classmethod
    def of(cls, owner: str, terms: EndUserTerms | None) -> "EndUserTermsView":
        """How they are told."""
        grants = () if terms is None else terms.grants
        each = [
            GrantView(unit=one.unit, granted=to_decimal(one.unit, one.amount), reset=one.reset, time_zone=one.zone)
            for one in grants
        ]
        return cls(owner=owner, told_apart=terms is not None, required=bool(terms and terms.is_required), each=each)


class EndUserView(Shape):
    """One end user, as the keeper of its key sees it."""

    object: Literal["end_user"] = "end_user"
    id: str = Field(description="How the ledger names it.")
    name: str = Field(description="How calls name it.")
    first_seen_at: datetime
    blocked_at: datetime | None
    allowances: list[AllowanceView]

    @classmethod
    def of(cls, end_user: EndUser) -> "EndUserView":
        """How it is told."""
        return cls(
            id=end_user.id,
            name=end_user.name,
            first_seen_at=end_user.first_seen_at,
            blocked_at=end_user.blocked_at,
            allowances=[AllowanceView.of(allowance) for allowance in end_user.allowances],
        )


class EndUserList(Shape):
    """The end users that are new of late, the newest first; at most a thousand."""

    object: Literal["list"] = "list"
    terms: EndUserTermsView
    data: list[EndUserView]


class EndUserUpdate(Wish):
    """What to do to one; what is not named stays."""

    blocked: bool | None = Field(None, description="Whether its calls are refused.")
    renew: bool = Field(False, description="Whether what it spent counts no more.")
