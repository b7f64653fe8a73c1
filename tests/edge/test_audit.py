"""The audit over HTTP: by pages, by who and what, for the admin key alone."""

import pytest

from tests.edge.stage import ADMIN_KEY, CALL_KEY, Answer, Stage, a_stage, bearer, call
from tests.edge.test_audit_schemas import ENTRY
from tollbar.domain.audit import Search

pytestmark = pytest.mark.anyio

AUDIT = "/admin/api/audit"


async def asked(stage: Stage, query: str) -> Answer:
    """What the admin is told of a page."""
    headers = (bearer(ADMIN_KEY),)
    return await call(stage.application, "GET", AUDIT, headers, query_string=query.encode()).answer()


async def test_changes_are_told_by_pages() -> None:
    """Newest first; `next` leads to the page that follows, until there is none."""
    stage = await a_stage()
    stage.audit.entries = [ENTRY._replace(number=number) for number in (3, 2, 1)]
    first = (await asked(stage, "count=2&actor=ana&action=key.&subject=k")).json()
    assert ([entry["number"] for entry in first["data"]], first["next"]) == ([3, 2], 2)
    last = (await asked(stage, f"count=2&before={first['next']}")).json()
    assert ([entry["number"] for entry in last["data"]], last["next"]) == ([1], None)
    assert stage.audit.sought == [Search("ana", "key.", "k", count=2), Search(before=2, count=2)]


@pytest.mark.parametrize("query", ["count=0", "count=1001", "count=x", "before=-1", "before=" + "9" * 30, "before="])
async def test_what_is_no_page(query: str) -> None:
    """The field is named."""
    refused = await asked(await a_stage(), query)
    assert (refused.status, refused.error["field"]) == (422, query.partition("=")[0])


async def test_the_audit_is_verified() -> None:
    """With the seal to be kept elsewhere; a key for calls is told nothing."""
    stage = await a_stage()
    told = await stage.admin("GET", f"{AUDIT}/verify")
    assert told.json() == {"object": "audit.verdict", "entries": 0, "last_seal": "01" * 32, "wrong": None}
    assert (await stage.ask("GET", AUDIT, bearer(CALL_KEY))).status == 403
