"""The headers by which a call asks something of the gateway itself; nearly every call has none of them."""

from collections.abc import Sequence
from typing import NamedTuple

from tollbar.domain.errors import InvalidValue
from tollbar.edge import quoting, repeating

END_USER = b"x-tollbar-end-user"
END_USERS = (END_USER, b"x-litellm-end-user-id", b"x-litellm-customer-id")
"""Our own name, and those that callers of LiteLLM send."""
OURS = frozenset((repeating.HEADER, quoting.HEADER, *END_USERS))


class Asked(NamedTuple):
    """What they ask: the name under which the call may be sent again, a mere quote, and whom the call is for."""

    name: bytes | None = None
    is_dry: bool = False
    end_user: str = ""


NOTHING = Asked()


def asked_in(headers: Sequence[tuple[bytes, bytes]], may_repeat: bool) -> Asked:
    """What the headers of a call ask; raises InvalidValue. Where calls may not be sent again, no name is read."""
    ours = [header for header in headers if header[0] in OURS]
    if not ours:
        return NOTHING
    name = repeating.name_in(ours) if may_repeat else None
    return Asked(name, quoting.is_dry_run(ours), end_user_in(ours))


def end_user_in(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Whom the headers say the call is for, empty when nobody; raises InvalidValue when they name two.

    It wins over the body, which those may write for whom the key's holder calls.
    """
    found = {value.strip() for name, value in headers if name in END_USERS and value.strip()}
    if len(found) > 1:
        raise InvalidValue("The request's headers name two end users.", field=END_USER.decode(), hint="Name one.")
    try:
        return found.pop().decode() if found else ""
    except UnicodeDecodeError:
        raise InvalidValue("The name of an end user is UTF-8.", field=END_USER.decode()) from None
