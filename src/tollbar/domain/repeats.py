"""A call that may be sent again under one name, and the answer that is kept for whoever does."""

from datetime import timedelta
from typing import NamedTuple


class Repeatable(NamedTuple):
    """A call with an `Idempotency-Key`.

    `scope` is whose it is: names of different callers never meet. `name` and `digest` are digests: of the header's
    value, and of the request. `request_id` is this call's own.
    """

    scope: str
    name: bytes
    digest: bytes
    request_id: str


class KeptAnswer(NamedTuple):
    """What a call was answered: the status, the headers that belong to the answer, and the bytes that went out."""

    request_id: str
    status: int
    head: tuple[tuple[str, str], ...]
    body: bytes


class Keeping(NamedTuple):
    """An answer that is to be kept for so long, in the one transaction in which its call is charged."""

    call: Repeatable
    answer: KeptAnswer
    keep_for: timedelta
