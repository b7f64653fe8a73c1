"""`/admin/api/audit`: what `tollbar audit` shows, over HTTP."""

from fastapi import Request
from starlette.responses import Response

from tollbar.domain.audit import Search
from tollbar.edge.audit_schemas import EntryList, EntryView, VerdictView
from tollbar.edge.bodies import answer
from tollbar.edge.paging import number_in
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
    before = number_in(asked, "before", USUAL.before, USUAL.before)
    return Search(actor, action, subject, before, number_in(asked, "count", USUAL.count, MOST))
