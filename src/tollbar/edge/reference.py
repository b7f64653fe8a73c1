"""`docs/endpoints.md`: the route table as a page for people, so that it cannot differ from what is served."""

from collections.abc import Iterable

from tollbar.domain.errors import GatewayError, InternalError
from tollbar.edge.openapi import errors_of, public_path
from tollbar.edge.operations import CREDENTIAL, JSON, OPERATIONS
from tollbar.edge.prose import TAGS
from tollbar.edge.routes import CALLS, PAGES, Access, CallRoute, PageRoute

WHO = {
    Access.PUBLIC: "anybody",
    Access.KEY: "a key for calls",
    Access.ADMIN: "the admin key",
    Access.SECRET: "the admin secret",
    Access.MACHINE: "the admin key, or a program on the same machine",
}

_HEAD = """\
# Endpoints

<!-- Made by `tollbar docs write` from the tables in the source. Change those, not this page. -->

Every address that Tollbar answers. `/docs` of a running server shows the same to try out, `/redoc` to read, and
`/openapi.json` for programs, with the fields of every request and answer.

Beside the errors below, an address that needs a key can answer {access}; and any address {always}.
An address that there is not answers 404 `not_found`, a wrong method 405 `method_not_allowed` with `Allow`. A `GET`
address answers `HEAD` too, unless it changes something.
"""


def reference() -> str:
    """The page: every address by its group, who may use it, what it answers, and with which errors it can fail."""
    rows = [*CALLS, *PAGES]
    parts = [_HEAD.format(access=_codes(CREDENTIAL), always=_codes((InternalError,)))]
    for tag, text in TAGS.items():
        mine = [row for row in rows if OPERATIONS[row.method, row.path].tag == tag]
        lines = ["| address | what | who | errors |", "|---|---|---|---|", *map(_line, mine)]
        parts.append(f"## {tag}\n\n{text}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _line(row: CallRoute | PageRoute) -> str:
    entry = OPERATIONS[row.method, row.path]
    what = entry.summary if entry.answer_type == JSON else f"{entry.summary} (`{entry.answer_type}`)"
    own = [error for error in errors_of(row) if error in entry.errors and error not in CREDENTIAL]
    return f"| `{row.method} {public_path(row.path)}` | {what} | {WHO[row.access]} | {_codes(own)} |"


def _codes(errors: Iterable[type[GatewayError]]) -> str:
    return ", ".join(dict.fromkeys(f"{error.status} `{error.code}`" for error in errors))
