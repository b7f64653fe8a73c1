"""The table itself: nothing twice, nothing open by accident."""

import re

import pytest

from tollbar.edge.routes import CALLS, PAGES, Access, CallRoute, PageRoute, pattern_of

PUBLIC = {
    "/",
    "/docs",
    "/generate_api",
    "/docs/assets/{name}",
    "/api/version",
    "/health",
    "/health/ready",
    "/healthz",
    "/openapi.json",
    "/redoc",
}


def test_no_address_is_there_twice() -> None:
    """A method and an address lead to one place."""
    rows = [(row.method, row.path) for row in (*CALLS, *PAGES)]
    assert len(set(rows)) == len(rows)


def test_what_is_public_is_on_this_list() -> None:
    """A new public address is a decision, made here as well."""
    assert {row.path for row in (*CALLS, *PAGES) if row.access is Access.PUBLIC} == PUBLIC


def test_what_is_under_admin_wants_the_admin_key() -> None:
    """And nothing else does."""
    assert {row.path for row in PAGES if row.access is Access.ADMIN} == {
        row.path for row in PAGES if row.path.startswith("/admin/")
    }


def test_what_changes_something_is_never_public_and_never_a_get() -> None:
    """Every row that is no GET wants a key."""
    assert [row.path for row in (*CALLS, *PAGES) if row.method != "GET" and row.access is Access.PUBLIC] == []


@pytest.mark.parametrize(
    ("path", "fits"),
    [("/generate/a", "a"), ("/generate/a/b", "a/b"), ("/generate/a\nb", "a\nb"), ("/generate/a\n", "a\n")],
)
def test_a_parameter_holds_all_that_stands_there(path: str, fits: str) -> None:
    """Line feeds as well, of which it is told that there is no such model."""
    match = pattern_of("/generate/{model_name:path}").match(path)
    assert match is not None
    assert match[1] == fits


@pytest.mark.parametrize("row", [*CALLS, *PAGES], ids=lambda row: f"{row.method} {row.path}")
def test_an_address_ends_where_it_ends(row: CallRoute | PageRoute) -> None:
    """With something behind it, it is another one: limits are counted by address."""
    path = re.sub(r"\{(\w+)(:path)?\}", "x", row.path)
    assert pattern_of(row.path).match(path)
    behind = ("\n", "/", "\r", " ", "\x00")
    if "}" in row.path:  # whose last part is the caller's own
        behind = () if ":path" in row.path else ("/", "/x")
    assert not [extra for extra in behind if pattern_of(row.path).match(path + extra)]


def test_an_address_of_a_call_is_nothing_that_is_kept() -> None:
    """It answers what it is for, and no other method with what stands beside it."""
    pattern = pattern_of("/v1/responses/{response_id}")
    assert [bool(pattern.match(f"/v1/responses/{name}")) for name in ("input_tokens", "input_tokens2")] == [False, True]


def test_bare_addresses_mirror_those_under_v1() -> None:
    """Clients whose base URL is the bare host reach the same."""
    rows = {(row.method, row.path): row for row in CALLS}
    assert rows["POST", "/chat/completions"].dialect is rows["POST", "/v1/chat/completions"].dialect
    handlers = {row.path: row.handler for row in PAGES}
    assert handlers["/models"] is handlers["/v1/models"]
    assert handlers["/models/{model:path}"] is handlers["/v1/models/{model:path}"]
