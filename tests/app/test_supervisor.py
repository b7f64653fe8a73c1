"""The process that keeps workers alive, in a process of its own with workers that do as they are told."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = """
import signal, sys, time
from pathlib import Path
from tollbar.app.supervisor import Supervisor, WorkersFailed
from tollbar.clock import SystemClock
from tollbar.logs import Sink, render_json

folder, manner = Path(sys.argv[1]), sys.argv[2]
sink = Sink(sys.stderr.buffer, render_json, SystemClock().now)
try:
    number = Supervisor(2, sink, stopping=(folder / "stopping").touch).run()
except WorkersFailed:
    sys.exit(7)
if number is None:
    sys.exit(0)
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
signal.signal(signal.SIGINT, lambda *_: stopped.append(1))
with (folder / "begun").open("a") as file:
    file.write(f"{number} {__import__('os').getpid()}\\n")
if manner == "fails":
    sys.exit(3)
while not stopped:
    time.sleep(0.02)
(folder / f"stopped-{number}").touch()
"""


@contextmanager
def supervised(folder: Path, manner: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A supervisor of two workers."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder), manner], stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        for _, pid in begun(folder):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.communicate()


def begun(folder: Path) -> list[tuple[int, int]]:
    """The workers that began: number and process."""
    file = folder / "begun"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(line.split()[0]), int(line.split()[1])) for line in lines]


def until(folder: Path, count: int) -> list[tuple[int, int]]:
    """The workers, once so many have begun."""
    end = time.monotonic() + 60
    while len(begun(folder)) < count:
        assert time.monotonic() < end
        time.sleep(0.02)
    return begun(folder)


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_stop_goes_to_all(tmp_path: Path, asked: signal.Signals) -> None:
    """They end as they like, and then it ends well."""
    with supervised(tmp_path, "waits") as process:
        assert sorted(number for number, _ in until(tmp_path, 2)) == [0, 1]
        process.send_signal(asked)
        assert process.wait(60) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "stopped-0", "stopped-1", "stopping"]


def test_a_worker_that_dies_is_started_anew(tmp_path: Path) -> None:
    """Under its number, at once, with a line in the log; the other one is left alone."""
    with supervised(tmp_path, "waits") as process:
        number, pid = until(tmp_path, 2)[0]
        os.kill(pid, signal.SIGKILL)
        again = until(tmp_path, 3)[2]
        assert (again[0], again[1] != pid) == (number, True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr is not None
        (line,) = map(json.loads, process.stderr.read().splitlines())
    assert (line["event"], line["worker"], line["pid"], line["status"]) == ("worker.died", number, pid, -9)


def test_workers_that_cannot_start_end_it(tmp_path: Path) -> None:
    """One that ends with a fault at its first start would do so for ever: the other is stopped as well."""
    with supervised(tmp_path, "fails") as process:
        assert process.wait(60) == 7
    assert 1 <= len(begun(tmp_path)) <= 2
