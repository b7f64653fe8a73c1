"""What this machine can run."""

from pathlib import Path

import pytest

from tollbar.providers.local.machine import cores, free_memory, look, memory_speed
from tollbar.providers.local.memory import SHARE, machine_bytes


def test_this_machine_is_looked_at() -> None:
    """There is some memory, a core, and memory that gives more than a hundred megabytes a second."""
    machine = look()
    assert 0 < machine.free_bytes <= machine_bytes()
    assert machine.cores >= 1
    assert machine.bytes_per_second > 1e8
    assert machine.tokens_per_second(1_000_000_000) == pytest.approx(machine.bytes_per_second / 1e9)


def test_what_is_free_counts_not_what_is_there(tmp_path: Path) -> None:
    """Memory in use by others is not proposed to a model; where nobody tells, the usual share is taken."""
    said = tmp_path / "meminfo"
    said.write_text("MemTotal: 8000000 kB\nMemAvailable:   100000 kB\n")
    assert free_memory(said) == 100_000 * 1024
    said.write_text("MemAvailable: lots\n")
    share = int(machine_bytes() * SHARE)
    assert (free_memory(said), free_memory(tmp_path / "gone")) == (share, share)


@pytest.mark.parametrize(("quota", "least"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", 0), ("odd", 0)])
def test_a_containers_quota_counts(tmp_path: Path, quota: str, least: int) -> None:
    """A quota of one core is one core, whatever the machine has; none, or one that cannot be read, changes nothing."""
    path = tmp_path / "cpu.max"
    path.write_text(quota)
    assert cores(path) == (least or cores(tmp_path / "gone"))


def test_the_speed_is_finite_for_any_block() -> None:
    """A block that is copied in no time does not divide by it."""
    assert 0 < memory_speed(1) < float("inf")
