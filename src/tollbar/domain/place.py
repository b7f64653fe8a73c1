"""A call's place in the queue before a model that only takes so many at once."""

from dataclasses import dataclass


@dataclass(slots=True)
class Place:
    """Where a call stood when it began to wait: `position` 1 is next, 0 had no need to; `seconds` is what was expected.

    The provider that has the queue writes it while the call is being opened.
    """

    position: int = 0
    seconds: float = 0.0
