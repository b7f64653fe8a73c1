"""`/v1/me`: what the holder of a key may know of it. Free, not metered."""

from fastapi import Request
from starlette.responses import Response

from tollbar.edge.acting import caller_of
from tollbar.edge.bodies import answer
from tollbar.edge.schemas import AccountView, AllowanceView, LimitView
from tollbar.edge.services import Services


async def me(request: Request) -> Response:
    """The caller's own key: its models, limits and allowances as they stand now."""
    services: Services = request.app.state.services
    principal = caller_of(request)
    standing = await services.ledger.standing(principal.key_id)
    return answer(
        AccountView(
            id=principal.key_id,
            name=principal.name,
            kind=principal.kind,
            tier=principal.tier or None,
            credits_per_call=principal.credit_cost,
            expires_at=principal.expires_at,
            models=list(principal.models) or ["*"],
            limits=[LimitView.of(limit) for limit in principal.limits],
            team=principal.team.name if principal.team else None,
            allowances=[AllowanceView.of(allowance) for allowance in standing],
        )
    )
