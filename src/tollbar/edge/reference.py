"""`docs/endpoints.md`: the route table as a page for people, so that it cannot differ from what is served."""

import json
from collections.abc import Iterable

from tollbar.domain.errors import GatewayError, InternalError
from tollbar.edge.error_samples import SAMPLES
from tollbar.edge.openapi import errors_of
from tollbar.edge.operation import CREDENTIAL, JSON
from tollbar.edge.operations import OPERATIONS
from tollbar.edge.prose import TAGS
from tollbar.edge.routes import CALLS, PAGES, Access, CallRoute, PageRoute, public_path
from tollbar.edge.shapes import ANTHROPIC, OPENAI, UNIFIED, ErrorShape, shape_of

WHO = {
    Access.PUBLIC: "anybody",
    Access.KEY: "a key for calls",
    Access.COUNTED: "a key for calls",
    Access.ADMIN: "the admin key",
    Access.SECRET: "the admin secret",
    Access.MACHINE: "the admin key, or a program on the same machine",
}

_HEAD = """\
# Endpoints

<!-- Made by `tollbar docs write` from the tables in the source. Change those, not this page. -->

Every address that Tollbar answers. `/docs` of a running server shows the same to try out, `/redoc` to read, and
`/openapi.json` for programs, with the fields of every request and answer.

Addresses under `/v1/messages` and `/messages` tell errors in Anthropic's shape, others under `/v1/`, `/models`,
`/chat/completions`, `/responses` and `/completions` in OpenAI's, and all others in the unified one, whose codes are in
upper case. Beside the errors below, an address that needs a key can answer {access}; and any address {always}: in
OpenAI's shape {openai_access}; {openai_always}; in Anthropic's {anthropic_access}; {anthropic_always}. An address that
there is not answers 404, a wrong method 405 with `Allow`, the realtime API and MCP 501. A `GET` page
answers `HEAD` too, unless it changes something.

Every answer, errors included, carries `x-request-id`, and

- `x-process-time`: seconds from the request's arrival until the answer began (of a stream: until its first byte);
- `x-memory-used`: the memory of the serving process, in MB of 1,048,576 bytes: what is in RAM on Linux, its peak on
  other systems, absent where the system does not say;
- `x-memory-delta`: by how much that differs from the reading before. Memory is read when an answer goes out, at most
  four times a second, and not for each request: requests that run side by side share it.
"""


def reference() -> str:
    """The page: every address by its group, who may use it, what it answers, and with which errors it can fail."""
    rows = [*CALLS, *PAGES]
    always = (InternalError,)
    parts = [
        _HEAD.format(
            access=_codes(CREDENTIAL, UNIFIED),
            always=_codes(always, UNIFIED),
            openai_access=_codes(CREDENTIAL, OPENAI),
            openai_always=_codes(always, OPENAI),
            anthropic_access=_codes(CREDENTIAL, ANTHROPIC),
            anthropic_always=_codes(always, ANTHROPIC),
        )
    ]
    for tag, text in TAGS.items():
        mine = [row for row in rows if OPERATIONS[row.method, row.path].tag == tag]
        lines = ["| address | what | who | errors |", "|---|---|---|---|", *map(_line, mine)]
        parts.append(f"## {tag}\n\n{text}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _line(row: CallRoute | PageRoute) -> str:
    entry = OPERATIONS[row.method, row.path]
    what = entry.summary if entry.answer_type == JSON else f"{entry.summary} (`{entry.answer_type}`)"
    own = [error for error in errors_of(row) if error in entry.errors and error not in CREDENTIAL]
    return (
        f"| `{row.method} {public_path(row.path)}` | {what} | {WHO[row.access]} | {_codes(own, shape_of(row.path))} |"
    )


def _codes(errors: Iterable[type[GatewayError]], shape: ErrorShape) -> str:
    return ", ".join(dict.fromkeys(_told(SAMPLES[error], shape) for error in errors))


def _told(error: GatewayError, shape: ErrorShape) -> str:
    status, body = shape.encode(error, "")
    return f"{status} `{shape.code_in(json.loads(body))}`"
