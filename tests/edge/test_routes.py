"""The table itself: nothing twice, nothing open by accident."""

from tollbar.edge.routes import CALLS, PAGES, Access

PUBLIC = {
    "/",
    "/docs",
    "/generate_api",
    "/docs/assets/{name}",
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


def test_bare_addresses_mirror_those_under_v1() -> None:
    """Clients whose base URL is the bare host reach the same."""
    rows = {(row.method, row.path): row for row in CALLS}
    assert rows["POST", "/chat/completions"].dialect is rows["POST", "/v1/chat/completions"].dialect
    handlers = {row.path: row.handler for row in PAGES}
    assert handlers["/models"] is handlers["/v1/models"]
    assert handlers["/models/{model:path}"] is handlers["/v1/models/{model:path}"]
