"""What the API document says of the addresses of end users."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from tollbar.domain import errors
from tollbar.domain.identity import Holder, Reset
from tollbar.domain.money import Unit
from tollbar.edge.end_user_schemas import (
    EndUserList,
    EndUserTermsView,
    EndUserTermsWish,
    EndUserUpdate,
    EndUserView,
    GrantView,
)
from tollbar.edge.operation import READING, Operation
from tollbar.edge.schemas import AllowanceView

TAG = "End users"
_MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)
_TERMS = EndUserTermsView(
    owner="3fK9x0PqLm",
    told_apart=True,
    required=True,
    each=[GrantView(unit=Unit.CREDITS, granted=Decimal(50), reset=Reset.DAY, time_zone="UTC")],
)
_END_USER = EndUserView(
    id="user_9sTq2LmXa0",
    name="customer-17",
    first_seen_at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    blocked_at=None,
    allowances=[
        AllowanceView(
            unit=Unit.CREDITS,
            holder=Holder.END_USER,
            granted=Decimal(50),
            spent=Decimal(12),
            held=Decimal(0),
            left=Decimal(38),
            reset=Reset.DAY,
            resets_at=_MIDNIGHT,
        )
    ],
)
_ERASED = _END_USER.model_copy(update={"name": "erased-7Qb2LmXa0s"})

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/admin/api/end-users/{owner}"): Operation(
        tag=TAG,
        summary="List the end users of a key or a team",
        answer=EndUserList,
        example=EndUserList(terms=_TERMS, data=[_END_USER]),
        errors=(errors.NotFound,),
        parameters=("user",),
    ),
    ("PUT", "/admin/api/end-users/{owner}"): Operation(
        tag=TAG,
        summary="Say what each end user may spend",
        description="Takes the place of what was said before; what they spent stays spent. Calls say whom they are for "
        "in `user`, `safety_identifier` or `metadata.user_id`, or in the header `x-tollbar-end-user`.",
        body=EndUserTermsWish,
        body_examples={"daily": {"summary": "Fifty calls a day for each", "value": {"credits": 50, "reset": "day"}}},
        answer=EndUserTermsView,
        example=_TERMS,
        errors=(*READING, errors.NotFound),
    ),
    ("DELETE", "/admin/api/end-users/{owner}"): Operation(
        tag=TAG,
        summary="Tell end users apart no more",
        answer=EndUserTermsView,
        example=EndUserTermsView(owner="3fK9x0PqLm", told_apart=False, required=False, each=[]),
        errors=(*READING, errors.NotFound),
    ),
    ("PATCH", "/admin/api/end-users/{owner}/{end_user}"): Operation(
        tag=TAG,
        summary="Block an end user, or give it a new start",
        body=EndUserUpdate,
        body_examples={"block": {"summary": "Refuse its calls", "value": {"blocked": True}}},
        answer=EndUserView,
        example=_END_USER,
        errors=(*READING, errors.NotFound),
    ),
    ("DELETE", "/admin/api/end-users/{owner}/{end_user}"): Operation(
        tag=TAG,
        summary="Forget the name of an end user",
        description="In the list of end users and in the records of calls. What was used and charged stays, under the "
        "id. A call that says the name later makes another end user.",
        answer=EndUserView,
        example=_ERASED,
        errors=(*READING, errors.NotFound),
    ),
}
