"""Which pages may call, and what is refused of those of other sites."""

import pytest

from tests.edge.stage import CALL_KEY, Stage, a_stage, bearer
from tests.fakes import FakeProvider, says
from tests.making import a_body
from tollbar.domain.errors import NotAllowed
from tollbar.domain.events import Frames
from tollbar.domain.identity import KeyKind, Principal
from tollbar.edge.application import application
from tollbar.edge.origins import NO_ORIGIN, Origins, refuse_cross_site
from tollbar.gateway.authenticate import Authenticator, CallerTerms

pytestmark = pytest.mark.anyio

CROSS = (b"sec-fetch-site", b"cross-site")
APP = (b"origin", b"https://app.example")
ANYBODY = Principal("anonymous", "anonymous", kind=KeyKind.ANONYMOUS)


async def open_to_all(*origins: str) -> Stage:
    """The whole surface, which lets callers in without a key, and pages of these origins."""
    stage = await a_stage(FakeProvider(says(Frames(b"{}", True, 1, is_last=True))))
    scene = stage.scene
    terms = CallerTerms(anonymous=ANYBODY)
    scene.gateway.authenticator = Authenticator(scene.keys, str.encode, scene.counters, scene.clock, terms)
    stage.application = application(stage.services, origins=origins)
    return stage


@pytest.mark.parametrize(
    ("origins", "headers", "passes"),
    [
        (NO_ORIGIN, [], True),
        (NO_ORIGIN, [APP], True),
        (NO_ORIGIN, [(b"sec-fetch-site", b"same-origin")], True),
        (NO_ORIGIN, [(b"sec-fetch-site", b"none")], True),
        (NO_ORIGIN, [CROSS], False),
        (NO_ORIGIN, [CROSS, APP], False),
        (Origins.of(["https://app.example"]), [CROSS, APP], True),
        (Origins.of(["https://app.example"]), [CROSS, (b"origin", b"null")], False),
        (Origins.of(["https://app.example"]), [CROSS], False),
        (Origins.of(["*"]), [CROSS], True),
    ],
)
def test_what_another_site_causes_is_refused_unless_it_is_named(
    origins: Origins, headers: list[tuple[bytes, bytes]], passes: bool
) -> None:
    """Programs say nothing of sites; the remedy is named."""
    if passes:
        refuse_cross_site(headers, origins)
        return
    with pytest.raises(NotAllowed) as refused:
        refuse_cross_site(headers, origins)
    assert "cors.origins" in refused.value.hint


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/chat/completions"), ("POST", "/generate"), ("GET", "/response")]
)
async def test_a_page_cannot_spend_what_callers_without_a_key_have(method: str, path: str) -> None:
    """Whatever its shape, a call that another site causes is refused before its body is read."""
    stage = await open_to_all()
    answer = await stage.ask(method, path, CROSS, (b"content-type", b"text/plain"), body=a_body())
    assert (answer.status, answer.error["code"].lower()) == (403, "forbidden")
    assert "cors.origins" in answer.error["message"]


async def test_those_who_may_call_still_do() -> None:
    """Programs without a key, pages with one, and pages of sites that are named."""
    stage = await open_to_all("https://app.example")
    for headers in ((), (CROSS, APP), (CROSS, bearer(CALL_KEY))):
        answer = await stage.ask("POST", "/v1/chat/completions", *headers, body=a_body())
        assert answer.status == 200, headers
