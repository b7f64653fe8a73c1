"""`/admin/api/audit`: what `tollbar audit` shows, over HTTP."""

from fastapi import Request
from starlette.responses import Response

from tollbar.domain.audit import Search
from tollbar.domain.errors import InvalidValue
from tollbar.edge.audit_schemas import EntryList, EntryView, VerdictView
from tollbar.edge.bodies import answer
from tollbar.edge.services import Services

MOST = 1_000
USUAL = Search()


async def list_changes(request: Request) -> Response:
    """Who changed what, newest first; `next` is where the next page begins."""
    services: Services = request.app.state.services
    search = _search(request)
    entries = await services.audit.find(search)
    following = entries[-1].number if len(entries) == search.count and entries[-1].number > 1 else None
    return answer(EntryList(data=[EntryView.of(entry) for entry in entries], next=following))


async def verify(request: Request) -> Response:
    """Whether every entry is as it was written."""
    services: Services = request.app.state.services
    return answer(VerdictView.of(await services.audit.verify()))


def _search(request: Request) -> Search:
    asked = request.query_params
    actor, action, subject = (asked.get(name, "") for name in ("actor", "action", "subject"))
    before = _number("before", asked.get("before"), USUAL.before, USUAL.before)
    return Search(actor, action, subject, before, _number("count", asked.get("count"), USUAL.count, MOST))


def _number(name: str, text: str | None, usual: int, most: int) -> int:
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 1 <= int(text) <= most):
        raise InvalidValue(f"{text[:64]!r} is no whole number from 1 to {most}.", field=name)
    return int(text)
