"""Which of several engines of one model a call goes to: the one that has read the beginning of its conversation.

An engine keeps what it has read of the conversations of its slots, so the next turn of one costs little there and much
elsewhere. It waits for that engine only as long as the line there is not much longer than the shortest.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tollbar.domain.messages import Message

REMEMBERED = 4_096
"""Beginnings that are remembered, the latest."""


class Beginning(NamedTuple):
    """The first messages of a conversation, as one number."""

    digest: int
    length: int


def beginnings(model: str, messages: Iterable[Message]) -> list[Beginning]:
    """What a conversation with a model begins with: its first message, its first two, and so on to all of them."""
    digest, found = hash(model), list[Beginning]()
    for length, message in enumerate(messages, 1):
        digest = hash((digest, message.role, message.text))
        found.append(Beginning(digest, length))
    return found


class Affinity:
    """Remembers which engine has read which beginnings; engines have numbers from 0."""

    def __init__(self, slack: int) -> None:
        self._slack = slack
        self._seen: OrderedDict[Beginning, int] = OrderedDict()

    def choose(self, found: Sequence[Beginning], loads: Sequence[int]) -> int:
        """The engine for a conversation, when each has so many calls; it is remembered.

        That which has read most of it, unless it has more than `slack` calls more than the least busy one.
        """
        least = min(range(len(loads)), key=loads.__getitem__)
        chosen = next((self._seen[each] for each in reversed(found) if each in self._seen), least)
        if chosen >= len(loads) or loads[chosen] > loads[least] + self._slack:
            chosen = least
        for each in found:
            self._seen[each] = chosen
            self._seen.move_to_end(each)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return chosen
