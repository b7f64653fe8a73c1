"""`/admin/api/alerts`: the use cases of `admin/alerts.py` over HTTP."""

from fastapi import Request
from starlette.responses import Response

from tollbar.admin.alerts import Alerts
from tollbar.domain.identity import Key
from tollbar.domain.money import Unit
from tollbar.domain.teams import Team
from tollbar.edge.acting import actor_of
from tollbar.edge.alert_schemas import ThresholdsSet, ThresholdsWish, TrialView, WebhookSet, WebhookWish, listed
from tollbar.edge.bodies import answer, read
from tollbar.edge.schemas import NothingMore
from tollbar.edge.services import Services
from tollbar.ports.watching import AlertStore


async def list_alerts(request: Request) -> Response:
    """Where alerts go, at which thresholds, and the last of them."""
    alerts, _ = _of(request)
    return answer(await listed(alerts))


async def set_webhook(request: Request) -> Response:
    """Sets where alerts go; the secret that they are signed with is shown this once."""
    alerts, store = _of(request)
    wish = await read(request, WebhookWish)
    hook = await alerts.set_hook(store, wish.url, wish.secret)
    return answer(WebhookSet(url=hook.url, secret=hook.secret) if hook else WebhookSet(url=None, secret=None))


async def try_webhook(request: Request) -> Response:
    """Sends a test alert, and tells how the webhook took it."""
    alerts, _ = _of(request)
    await read(request, NothingMore)
    fault = await alerts.test()
    return answer(TrialView(delivered=fault is None, fault=fault))


async def set_key_thresholds(request: Request, key_id: str) -> Response:
    """Sets the thresholds of a key's allowances."""
    services: Services = request.app.state.services
    wish = await read(request, ThresholdsWish)
    return await _set(request, await services.keys.get(key_id), wish)


async def set_team_thresholds(request: Request, team_id: str) -> Response:
    """Sets the thresholds of a team's allowances, or of the installation's."""
    services: Services = request.app.state.services
    wish = await read(request, ThresholdsWish)
    return await _set(request, await services.teams.get(team_id), wish)


async def _set(request: Request, owner: Key | Team, wish: ThresholdsWish) -> Response:
    alerts, store = _of(request)
    at = await alerts.set_thresholds(store, owner, wish.at, wish.unit)
    unit = None if wish.unit is None else Unit(wish.unit)
    return answer(ThresholdsSet(owner=owner.id, unit=unit, at=None if at is None else list(at)))


def _of(request: Request) -> tuple[Alerts, AlertStore]:
    services: Services = request.app.state.services
    return services.alerts, services.alert_store.by(actor_of(request))
