"""CPU time and memory are read for a whole family of processes."""

import sys
import time

import pytest

from bench.machine import choose_cores, cpu_seconds, family, free_port, program, resident_bytes, until, wait_for_port

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

BUSY = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"


def test_children_count() -> None:
    """What a child spends and holds is its parent's, and it ends with it."""
    with program([sys.executable, "-c", BUSY], choose_cores().feeding) as process:
        until(lambda: len(family(process.pid)) == 2, process, 60)
        before = cpu_seconds(process.pid)
        until(lambda: cpu_seconds(process.pid) - before >= 0.1, process, 60)
        assert resident_bytes(process.pid) > 10_000_000
        _, child = family(process.pid)
    deadline = time.monotonic() + 60
    while resident_bytes(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert resident_bytes(child) == 0


def test_a_program_that_ends_is_not_waited_for() -> None:
    """A server that cannot start is reported at once, with its status."""
    with program([sys.executable, "-c", "raise SystemExit(3)"], choose_cores().feeding) as process:
        with pytest.raises(RuntimeError, match="status 3"):
            wait_for_port(free_port(), process, 20)


def test_a_process_that_is_gone_spends_nothing() -> None:
    """A process may end while it is looked at."""
    with program([sys.executable, "-c", ""], choose_cores().feeding) as process:
        process.wait(60)
    assert (cpu_seconds(process.pid), resident_bytes(process.pid)) == (0, 0)
