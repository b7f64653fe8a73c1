"""The closed list of small deviations of vendors that otherwise speak a wire.

A quirk is a flag that a provider asks about, or a rewrite: a pure function over the top-level members of the encoded
request, values untouched. A vendor without quirks pays nothing for them. A row of `vendors.toml` names its quirks; a
quirk that no row names is dead and fails the build.
"""

import json
from collections.abc import Callable, Mapping, Sequence

from tollbar.domain.errors import RequestError
from tollbar.wire.body import scan

Members = Mapping[str, bytes]
Rewrite = Callable[[Members], Members]


def drop_stream_options(members: Members) -> Members:
    """For vendors that refuse the field; those that report usage at all do it unasked."""
    return {name: value for name, value in members.items() if name != "stream_options"}


def max_tokens_only(members: Members) -> Members:
    """For vendors that know `max_tokens` and refuse its newer name; a caller who gave both meant the newer one."""
    if "max_completion_tokens" not in members:
        return members
    rest = {name: value for name, value in members.items() if name not in {"max_tokens", "max_completion_tokens"}}
    return {**rest, "max_tokens": members["max_completion_tokens"]}


REWRITES: Mapping[str, Rewrite] = {
    "drop_stream_options": drop_stream_options,
    "max_tokens_only": max_tokens_only,
}
FLAGS = frozenset({"no_stream_usage", "max_completion_tokens"})
"""`no_stream_usage`: the vendor refuses to be asked for usage in a stream, or reports it without being asked.

`max_completion_tokens`: some of the vendor's models refuse the older `max_tokens`, so that it is never written here.
"""

NAMES = FLAGS | REWRITES.keys()


def rewrites_of(quirks: Sequence[str]) -> tuple[Rewrite, ...]:
    """The rewrites among the quirks of a vendor, in their order."""
    return tuple(REWRITES[name] for name in quirks if name in REWRITES)


def rewrite(body: bytes, rewrites: Sequence[Rewrite]) -> bytes:
    """The request after all rewrites, values byte-identical. A body that cannot be read as an object stays as it is."""
    try:
        spans = scan(body).spans
    except RequestError:
        return body
    members: Members = {name: body[start:end] for name, (start, end) in spans.items()}
    for change in rewrites:
        members = change(members)
    return b"{" + b",".join(json.dumps(name).encode() + b":" + value for name, value in members.items()) + b"}"
