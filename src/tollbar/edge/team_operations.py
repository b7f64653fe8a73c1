"""What the API document says of the addresses of teams."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from tollbar.domain import errors
from tollbar.domain.identity import Holder, Reset
from tollbar.domain.money import Unit
from tollbar.edge.operation import READING, Operation
from tollbar.edge.schemas import AllowanceView, TopUpWish
from tollbar.edge.team_schemas import NewTeam, TeamList, TeamUpdate, TeamView

TAG = "Teams"
TOP_UP = {"week": {"summary": "Fifty dollars more for a week", "value": {"dollars": 50, "expires": "7d"}}}

_TEAM = TeamView(
    id="team_7Yh2pQ0xLa",
    name="research",
    created_at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    models=["openai/*"],
    limits=[],
    allowances=[
        AllowanceView(
            unit=Unit.DOLLARS,
            holder=Holder.TEAM,
            granted=Decimal(200),
            spent=Decimal("41.2"),
            held=Decimal(0),
            left=Decimal("158.8"),
            reset=Reset.MONTH,
            resets_at=datetime(2026, 12, 1, tzinfo=UTC),
        )
    ],
    version=3,
)

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/admin/api/teams"): Operation(
        tag=TAG, summary="List teams", answer=TeamList, example=TeamList(data=[_TEAM])
    ),
    ("POST", "/admin/api/teams"): Operation(
        tag=TAG,
        summary="Create a team",
        body=NewTeam,
        body_examples={
            "dollars": {
                "summary": "Two hundred dollars a month",
                "value": {"name": "research", "dollars": 200, "reset": "month", "models": ["openai/*"]},
            }
        },
        status=201,
        answer=TeamView,
        example=_TEAM,
        errors=(*READING, errors.Conflict),
        headers=("etag",),
    ),
    ("GET", "/admin/api/teams/{team_id}"): Operation(
        tag=TAG, summary="Show a team", answer=TeamView, example=_TEAM, errors=(errors.NotFound,), headers=("etag",)
    ),
    ("PATCH", "/admin/api/teams/{team_id}"): Operation(
        tag=TAG,
        summary="Change a team",
        description="Changes what is named and leaves the rest; what was spent stays spent. `installation` takes "
        "amounts that cover every call, whoever makes it.",
        body=TeamUpdate,
        body_examples={"more": {"summary": "Another amount", "value": {"dollars": 500}}},
        answer=TeamView,
        example=_TEAM,
        errors=(*READING, errors.Conflict, errors.NotFound),
        headers=("etag",),
    ),
    ("POST", "/admin/api/teams/{team_id}/top-up"): Operation(
        tag=TAG,
        summary="Top up a team for a while",
        body=TopUpWish,
        body_examples=TOP_UP,
        answer=TeamView,
        example=_TEAM,
        errors=(*READING, errors.NotFound),
        headers=("etag",),
    ),
}
