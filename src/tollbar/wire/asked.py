"""A conversation as a provider's request: the bytes that ask it, and what the provider's dialect had no word for."""

from typing import NamedTuple


class Asked(NamedTuple):
    """A request's body, and the caller's knobs that it lost on the way, by the caller's names.

    Content is never among them: what cannot be said is refused, because without it the question would be another one.
    """

    body: bytes
    dropped: tuple[str, ...] = ()
