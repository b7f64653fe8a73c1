"""Responses that are kept, so that later requests can go on from them and their owner can look at them again."""

from collections.abc import Sequence
from typing import NamedTuple


class KeptResponse(NamedTuple):
    """One complete response, and what it was made from. It belongs to the key that it was made with.

    `provider` is the provider that keeps it too, under the same id; None where nobody does. `model` is the name that
    the caller used, `previous` the id of the response that it goes on from. `items` is what its own request brought,
    as a JSON array, and `document` the response; both are empty where they were too large.
    """

    key_id: str
    id: str
    previous: str | None
    provider: str | None
    model: str
    items: bytes
    document: bytes

    @property
    def is_whole(self) -> bool:
        """Whether its content was kept."""
        return bool(self.document)


class Thread(NamedTuple):
    """The responses that a request goes on from, the oldest first; `is_complete` says that none is missing."""

    turns: Sequence[KeptResponse]

    @property
    def is_complete(self) -> bool:
        """Whether what was said can be told from its beginning on."""
        return self.turns[0].previous is None and all(turn.is_whole for turn in self.turns)
