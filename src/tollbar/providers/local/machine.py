"""What this machine can run: free memory, cores, and how fast memory is read.

A model without a graphics card is as fast as its weights can be read: each token wants all of them once. So the speed
is measured in a moment, by copying a block of memory, and nothing else is guessed.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from tollbar.providers.local.memory import SHARE, machine_bytes

BLOCK_BYTES = 64 << 20
ROUNDS = 3
TOUCHES_PER_COPY = 2
"""A copied byte is read once and written once."""
MEMORY_FILE = Path("/proc/meminfo")
QUOTA_FILE = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory that is free for models, cores that we may use, and the bytes that memory gives in a second."""

    free_bytes: int
    cores: int
    bytes_per_second: float

    def tokens_per_second(self, weights_bytes: int) -> float:
        """About how many tokens a model of that size makes for one caller: the most, since nothing else is counted."""
        return self.bytes_per_second / max(weights_bytes, 1)


def look(memory_file: Path = MEMORY_FILE, quota_file: Path = QUOTA_FILE) -> Machine:
    """This machine, or the container that we are in; it takes a tenth of a second."""
    return Machine(free_memory(memory_file), cores(quota_file), memory_speed())


def free_memory(memory_file: Path = MEMORY_FILE) -> int:
    """What is free now, at most the share of all memory that models may take."""
    most = int(machine_bytes() * SHARE)
    try:
        lines = memory_file.read_text().splitlines()
    except OSError:
        return most
    free = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), "")
    return min(most, int(free) * 1024) if free.isdecimal() else most


def cores(quota_file: Path = QUOTA_FILE) -> int:
    """The cores that this process may use, a container's quota included."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, _, period = quota_file.read_text().strip().partition(" ")
    except OSError:
        return usable
    if not (quota.isdecimal() and period.isdecimal() and int(period)):
        return usable
    return max(1, min(usable, int(quota) // int(period)))


def memory_speed(block_bytes: int = BLOCK_BYTES) -> float:
    """Bytes that memory gives in a second to one core: the best of a few copies of a block larger than any cache."""
    block, copy = bytearray(block_bytes), memoryview(bytearray(block_bytes))
    copy[:] = block  # has the system give us the memory, which is not what is measured
    best = float("inf")
    for _ in range(ROUNDS):
        began = perf_counter()
        copy[:] = block
        best = min(best, perf_counter() - began)
    return TOUCHES_PER_COPY * block_bytes / max(best, 1e-9)
