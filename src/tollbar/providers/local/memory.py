"""How much memory a model will take, before it is loaded, and how much there is.

The estimate is an upper one: the weights, the memory of as many conversations as may go on at once, each at its
longest, and what the engine works in. The weights are mapped from the file, so they may be shared and given up; they
are counted in full all the same, for an engine that reads them from the disk with each token is none.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from tollbar.providers.local.header import Header

MEBIBYTE = 1_048_576
BASE_BYTES = 64 * MEBIBYTE
"""The process itself: Python, the engine's code, its buffers (46 MB were measured with the smallest of models)."""
BATCH_TOKENS = 512
BYTES_PER_LOGIT = 4
BYTES_PER_KEY = 2
"""Of the memory of a conversation, which is kept in F16."""
USUAL_VOCABULARY = 152_064
SHARE = 0.75
"""How much of the machine's memory models may take where nothing was set."""
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a model will take, in bytes."""

    weights: int
    conversations: int
    work: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.conversations + self.work


def estimate(header: Header, size_bytes: int, context_tokens: int, parallel: int) -> Estimate:
    """What a model of that head and size will take with so many conversations of that length at once."""
    vocabulary = header.number("vocab_size") or USUAL_VOCABULARY
    return Estimate(
        weights=size_bytes,
        conversations=_bytes_per_token(header) * context_tokens * parallel,
        work=BASE_BYTES + BATCH_TOKENS * vocabulary * BYTES_PER_LOGIT,
    )


def _bytes_per_token(header: Header) -> int:
    """What one token of a conversation takes: a key and a value in each layer, for each head that has its own."""
    layers = header.number("block_count") or 0
    width = header.number("embedding_length") or 0
    heads = header.number("attention.head_count") or 1
    sharing = header.number("attention.head_count_kv") or heads
    keys = header.number("attention.key_length") or width // heads
    values = header.number("attention.value_length") or width // heads
    return layers * sharing * (keys + values) * BYTES_PER_KEY


def budget(setting_mib: int) -> int:
    """The bytes that models may take together: what was set, else three quarters of the machine's memory."""
    return setting_mib * MEBIBYTE if setting_mib else int(machine_bytes() * SHARE)


def machine_bytes(limits: tuple[Path, ...] = CGROUP_LIMITS) -> int:
    """The memory of this machine, or of the container that we are in."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        physical = 8 * 1024 * MEBIBYTE
    return min((physical, *(found for path in limits if (found := _limit(path)))))


def _limit(path: Path) -> int:
    """A container's limit; 0 where there is none."""
    try:
        text = path.read_text().strip()
    except OSError:
        return 0
    return int(text) if text.isdecimal() else 0


def shown(size_bytes: int) -> str:
    """A size as people read it."""
    mebibytes = size_bytes / MEBIBYTE
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.0f} MiB"
