"""What a process leased of one allowance for one period, as it keeps it in memory.

Leases belong to the event loop. An allowance's next period gets another one; reservations keep the one that they were
made from, so that what returns from an older period reaches nobody.
"""

from dataclasses import dataclass

from tollbar.storage.ending import Ending

# Below so many calls' worth in the store nothing is leased: each call takes what it needs from there (ruling 12).
LOW_WATER_CALLS = 64
# A lease serves so many calls, unless it would be more than a quarter of what is left.
LEASE_CALLS = 256
LEASE_SHARE = 4


@dataclass(slots=True, eq=False)
class Lease:
    """What this process has of an allowance: `free` for the next calls, `held` by open calls.

    `left` is what the store had beyond that when it was last asked, None before. `ends_at` is the period's end, in the
    store's microseconds. `fetching` is the request for more that is under way.
    """

    allowance: int
    period: int | None = None
    ends_at: int | None = None
    free: int = 0
    held: int = 0
    left: int | None = None
    used_at: float = 0.0
    fetching: Ending | None = None

    def is_low(self, amount: int) -> bool:
        """Whether the store has too little left to lease any of it for calls of this size."""
        return self.left is not None and self.left <= LOW_WATER_CALLS * amount
