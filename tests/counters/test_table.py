"""A table in files that processes share: where keys are found, what goes when it is full, what a death leaves."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tollbar.counters.table import AMOUNTS, PROBES, SECOND, TOTAL, Key, Shard, Table, key_of, salt_of


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    """A shard with room for twenty keys."""
    with closing(Shard(tmp_path / "shard", 20)) as shard:
        yield shard


def near(number: int) -> Key:
    """Keys that all belong to the same place."""
    return Key(number + 1, 20 * number + 3)


def test_a_key_is_found_where_it_was_made(shard: Shard, tmp_path: Path) -> None:
    """By another process's mapping of the file as well."""
    slots = [shard.find(near(number), 60, 0.0, ()) for number in range(5)]
    assert len(set(slots)) == 5
    shard.cells[slots[2] + TOTAL] = 7
    with closing(Shard(tmp_path / "shard", 20)) as other:
        assert [other.find(near(number), 60, 0.0, ()) for number in range(5)] == slots
        assert other.cells[slots[2] + TOTAL] == 7
        assert sorted(other.slots()) == sorted(slots)


def test_when_all_neighbours_are_taken_the_emptiest_goes(shard: Shard) -> None:
    """One that counts nothing any more before one that does; never one that is looked at in the same breath."""
    slots = [shard.find(near(number), 60, 0.0, ()) for number in range(PROBES)]
    for slot in slots:
        shard.cells[slot + TOTAL] = 1
    shard.cells[slots[4] + TOTAL] = shard.cells[slots[9] + TOTAL] = 0
    assert shard.find(near(50), 60, 0.0, {slots[4]}) == slots[9]
    assert shard.find(near(51), 60, 0.0, {slots[9]}) == slots[4]


def test_a_slot_whose_calls_are_under_way_stays(shard: Shard) -> None:
    """As long as there is any other."""
    held = shard.find(near(0), 0, 0.0, ())
    shard.cells[held + AMOUNTS + 3] = 1
    for number in range(1, 60):
        slot = shard.find(near(number), 60, 0.0, ())
        shard.cells[slot + TOTAL] = 1
    assert shard.find(near(0), 0, 0.0, ()) == held
    assert shard.cells[held + AMOUNTS + 3] == 1


def test_a_torn_write_is_mended(shard: Shard) -> None:
    """Whoever finds a slot whose writer died adds its amounts up anew, once."""
    slot = shard.find(near(0), 60, 0.0, ())
    shard.begin(slot)
    shard.cells[slot + AMOUNTS + 5] = 4  # and the sum was not written any more
    assert shard.cells[slot + TOTAL] == 0
    assert shard.find(near(0), 60, 0.0, ()) == slot
    assert (shard.cells[slot + TOTAL], shard.cells[slot] % 2) == (4, 0)


DIES = """
import sys, time
from pathlib import Path
from tollbar.counters.table import Shard
shard = Shard(Path(sys.argv[1]), 20)
shard.lock()
print("locked", flush=True)
time.sleep(60)
"""


def test_the_lock_of_a_process_that_was_killed_is_free(shard: Shard, tmp_path: Path) -> None:
    """The system gives it back; until then others wait."""
    process = subprocess.Popen([sys.executable, "-c", DIES, str(tmp_path / "shard")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"locked\n"
    with pytest.raises(BlockingIOError):
        fcntl.flock(shard.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.kill(process.pid, signal.SIGKILL)
    shard.lock()  # or would wait for ever
    shard.unlock()
    process.communicate()


def test_keys_are_spread_and_salted(tmp_path: Path) -> None:
    """One text has one key in a directory and another in the next; no key looks like an empty slot."""
    (tmp_path / "other").mkdir()
    salt, other = salt_of(tmp_path), salt_of(tmp_path / "other")
    assert salt_of(tmp_path) == salt != other
    keys = [key_of(f"address:{number}", salt) for number in range(2_000)]
    assert len(set(keys)) == 2_000
    assert min(key.second for key in keys) > 0
    assert key_of("a", salt) == key_of("a", salt) != key_of("a", other)
    with closing(Table(tmp_path, "t", 4, 8)) as table:
        assert {table.shard_of(key).name for key in keys} == {"t-0", "t-1", "t-2", "t-3"}
        assert list(table.shards[0].slots()) == []
        assert table.shards[0].cells[SECOND] == 0
