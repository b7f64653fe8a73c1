"""What was used, by key, day and model: sums over the ledger's lines that the caller pays, written along with them.

So asking costs the same however many calls there were, and the sums are those of the ledger, whatever happens.
"""

from collections.abc import Iterable

from tollbar.domain.records import LedgerEntry
from tollbar.storage.engine import Connection
from tollbar.storage.lines import storable
from tollbar.storage.statements import Rows
from tollbar.storage.times import SECOND, microseconds

DAY = 86_400 * SECOND
EVERYBODY = ""
"""Stands for all calls of a key, whomever they were for."""


def add(connection: Connection, into: Rows, entries: Iterable[LedgerEntry]) -> None:
    """Adds the lines to the sums; a line that the caller does not pay is in none."""
    sums: dict[tuple[str, str, int, str], list[int]] = {}
    for entry in entries:
        if not entry.paid:
            continue
        day = microseconds(entry.at) // DAY
        cost = entry.cost_nano_dollars
        figures = (1, entry.usage.prompt_tokens, entry.usage.completion_tokens, entry.credits, cost or 0, cost is None)
        for whose in (EVERYBODY,) if entry.end_user is None else (EVERYBODY, entry.end_user):
            place = (entry.key_id, whose, day, storable(entry.model))
            present = sums.get(place)
            sums[place] = list(figures) if present is None else list(map(sum, zip(present, figures, strict=True)))
    if sums:
        into.insert(connection, [(*place, *figures) for place, figures in sums.items()])
