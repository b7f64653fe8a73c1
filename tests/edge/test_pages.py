"""What a browser is shown comes from here alone, and no script of a stranger runs in it."""

import gzip
import hashlib
import re
from html.parser import HTMLParser

import pytest

from tests.edge.stage import Answer, a_stage, call
from tollbar.edge.pages import ASSETS, FOLDER, prefers_json
from tollbar.edge.services import Doors

pytestmark = pytest.mark.anyio

PAGES = ("/", "/docs", "/redoc")
DOCUMENTS = ("/docs", "/redoc", "/openapi.json")
HTML = (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
GZIP = (b"accept-encoding", b"gzip, deflate, br")


class Page(HTMLParser):
    """What a page loads, and what it would run or style inline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self._is_in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes addresses and inline code."""
        self._is_in_script = tag in {"script", "style"}
        for name, value in attrs:
            if name == "src" or (name == "href" and tag == "link"):
                self.loaded.append(value or "")
            if name.startswith("on") or name == "style":
                self.inline.append(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        """Notes code between tags."""
        if self._is_in_script and data.strip():
            self.inline.append(data)
        self._is_in_script = False


def policy(answer: Answer) -> dict[str, str]:
    """The content security policy, by directive."""
    text = str(answer.header("content-security-policy"))
    return {name: values for name, _, values in (part.strip().partition(" ") for part in text.split(";"))}


async def test_the_documents_can_be_closed() -> None:
    """A setting takes them away, and the landing page does not speak of them."""
    stage = await a_stage()
    stage.rebuild(Doors(shows_documents=False))
    for path in DOCUMENTS:
        refused = await stage.ask("GET", path)
        assert (refused.status, refused.error["code"]) == (404, "NOT_FOUND")
        assert "server.documents" in refused.error["message"]
    page = (await stage.ask("GET", "/", HTML)).body.decode()
    assert re.findall(r"<li hidden><a href=\"([^\"]*)\"", page) == [path[1:] for path in DOCUMENTS]
    assert list((await stage.ask("GET", "/", (b"accept", b"application/json"))).json()) == ["name", "version"]
    assert (await stage.ask("GET", "/health")).status == 200


async def test_a_page_loads_only_what_is_served_beside_it() -> None:
    """Every address is one of the assets, and there is no inline code for the policy to forbid."""
    stage = await a_stage()
    for path in PAGES:
        page = Page((await stage.ask("GET", path, HTML)).body.decode())
        assert page.inline == []
        assert len(page.loaded) >= 2
        for address in page.loaded:
            assert address.removeprefix("docs/assets/") in ASSETS
            assert (await stage.ask("GET", f"/{address}")).status == 200


async def test_a_policy_allows_nothing_else() -> None:
    """No host, no inline script, no frame around it, no base that would move its addresses."""
    stage = await a_stage()
    for path in PAGES:
        answer = await stage.ask("GET", path, HTML)
        rules = policy(answer)
        assert rules["default-src"] == "'none'"
        assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
        assert rules.get("script-src", "'none'") in {"'self'", "'none'"}
        assert "unsafe" not in str(rules)
        assert "http" not in str(rules)
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("referrer-policy") == "no-referrer"


async def test_the_nonce_of_redocs_styles_is_new_each_time() -> None:
    """The page and its policy agree on it."""
    stage = await a_stage()
    nonces = set()
    for _ in range(3):
        answer = await stage.ask("GET", "/redoc")
        found = re.search(r'nonce="([\w-]{20,})"', answer.body.decode())
        assert found is not None
        assert f"'nonce-{found[1]}'" in policy(answer)["style-src"]
        nonces.add(found[1])
    assert len(nonces) == 3


async def test_the_landing_page_shows_how_to_begin() -> None:
    """Name, version, a line to paste with a place for the key, and the doors."""
    answer = await (await a_stage()).ask("GET", "/", HTML, (b"host", b"gate.example:8443"))
    text = answer.body.decode()
    assert answer.header("content-type") == "text/html; charset=utf-8"
    for part in ("tollbar", "1.2.3", "$TOLLBAR_KEY", "http://gate.example:8443/v1/chat/completions", "tollbar-guide"):
        assert part in text
    for door in ("docs", "redoc", "openapi.json", "health"):
        assert f'href="{door}"' in text
    assert "<script" not in text


@pytest.mark.parametrize("host", [b'"><script>alert(1)</script>', b"a b", b"a;rm", b"$(id)", b"'", b"\xff", b""])
async def test_a_strange_host_is_not_repeated(host: bytes) -> None:
    """What goes into the line to paste is a host's name or the usual address."""
    answer = await (await a_stage()).ask("GET", "/", HTML, (b"host", host))
    assert "curl http://127.0.0.1:8000/v1/chat/completions" in answer.body.decode()
    assert b"<script" not in answer.body


@pytest.mark.parametrize("host", [b"[::1]:8000", b"192.0.2.7", b"gate.example", b"localhost:80"])
async def test_an_ordinary_host_is_used(host: bytes) -> None:
    """The line that is pasted reaches the server that showed it."""
    answer = await (await a_stage()).ask("GET", "/", HTML, (b"host", host))
    assert f"curl http://{host.decode()}/v1/" in answer.body.decode()


async def test_a_program_gets_the_facts() -> None:
    """Name, version and where the documents are."""
    answer = await (await a_stage()).ask("GET", "/", (b"accept", b"application/json"))
    assert answer.json() == {"name": "Tollbar", "version": "1.2.3", "docs": "/docs"}
    assert answer.header("vary") == "accept"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("application/json", True),
        ("application/json, text/plain, */*", False),
        ("application/json, */*;q=0.5", True),
        ("text/html;q=0.5, application/json", True),
        ("application/*", True),
        ("text/*, application/json;q=0.9", False),
        ("application/json;q=0", False),
        ("APPLICATION/JSON", True),
        ("application/json;q=nonsense", True),
        (";;;,,,;q=", False),
    ],
)
def test_what_a_caller_prefers(accept: str, expected: bool) -> None:
    """JSON only where it ranks above HTML."""
    assert prefers_json(accept) is expected


async def test_assets_are_packed_for_those_who_can_unpack() -> None:
    """The same bytes either way, of the type that the browser needs under `nosniff`."""
    stage = await a_stage()
    for name, (place, kind) in ASSETS.items():
        plain = await stage.ask("GET", f"/docs/assets/{name}")
        packed = await stage.ask("GET", f"/docs/assets/{name}", GZIP)
        assert plain.header("content-encoding") is None
        assert plain.header("content-type") == packed.header("content-type") == kind
        is_packed = place.endswith(".gz")
        assert packed.header("content-encoding") == ("gzip" if is_packed else None)
        assert (gzip.decompress(packed.body) if is_packed else packed.body) == plain.body


@pytest.mark.parametrize("accepted", [b"gzip;q=0", b"identity", b"br", b"gzip;q=0.000", b"x-gzip"])
async def test_who_refuses_gzip_gets_none(accepted: bytes) -> None:
    """A zero weight is a refusal."""
    answer = await (await a_stage()).ask("GET", "/docs/assets/swagger-ui.css", (b"accept-encoding", accepted))
    assert answer.header("content-encoding") is None


async def test_an_asset_is_sent_once() -> None:
    """A browser that has it hears so, and keeps it."""
    stage = await a_stage()
    first = await stage.ask("GET", "/docs/assets/docs.css")
    again = await stage.ask("GET", "/docs/assets/docs.css", (b"if-none-match", str(first.header("etag")).encode()))
    assert (again.status, again.body) == (304, b"")
    other = await stage.ask("GET", "/docs/assets/docs.css", (b"if-none-match", b'"other"'))
    assert other.status == 200


@pytest.mark.parametrize(
    "name", ["README.md", "..", "%2e%2e", "landing.html", "swagger-ui.css.gz", "a" * 5_000, "\x00"]
)
async def test_only_assets_are_served(name: str) -> None:
    """A name is looked up in a list and never becomes a path."""
    answer = await (await a_stage()).ask("GET", f"/docs/assets/{name}")
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


async def test_the_openapi_document_is_served() -> None:
    """As JSON, checked anew by browsers, with the version that runs."""
    answer = await call((await a_stage()).application, "GET", "/openapi.json").answer()
    assert answer.json()["info"]["version"] == "1.2.3"
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-cache"


def test_vendored_files_are_those_that_the_record_names() -> None:
    """Nobody changed them without a line beside them; their licences are there."""
    record = (FOLDER / "vendor" / "README.md").read_text(encoding="utf-8")
    packed = sorted((FOLDER / "vendor").glob("*.gz"))
    assert len(packed) == 3
    for path in packed:
        digest = hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()
        assert digest in record, path.name
        assert f"`{path.name.removesuffix('.gz')}`" in record
    for licence in re.findall(r"`([\w.-]+\.txt)`", record):
        assert (FOLDER / "vendor" / licence).read_text(encoding="utf-8") != ""


def test_vendored_files_are_small_and_ask_nobody() -> None:
    """Within their budget, without a source map or a picture from another host."""
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 2_500_000
    for path in (FOLDER / "vendor").glob("*.gz"):
        text = gzip.decompress(path.read_bytes())
        assert b"sourceMappingURL" not in text[-200:]
        assert re.search(rb'src:"https?://', text) is None
        assert re.search(rb"url\(https?://", text) is None


def test_our_own_files_ask_nobody() -> None:
    """Styles, scripts and pages name no other host, and scripts write no markup."""
    for path in (path for path in FOLDER.iterdir() if path.is_file()):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text
        assert "innerHTML" not in text
        assert "@import" not in text
