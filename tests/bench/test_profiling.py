"""The profiles, each taken in a few seconds for real."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from bench.profiling import reason
from tests.journeys.stand import Gateway, started
from tests.rules.source import ROOT


def profile(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Takes profiles in a directory of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bench.profiling", *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def written(done: "subprocess.CompletedProcess[str]") -> list[Path]:
    """The files that a run says it wrote."""
    return [Path(name) for name in re.findall(r"^written: (.*)$", done.stdout, re.MULTILINE)]


def skip_where_watching_is_forbidden(done: "subprocess.CompletedProcess[str]") -> None:
    """Some systems and containers let nobody look into another process; then that is what it says."""
    if "capability SYS_PTRACE" in done.stdout:
        pytest.skip(done.stdout)


@contextmanager
def kept_busy(gateway: Gateway) -> Iterator[None]:
    """Somebody asks all the time."""
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            requests.get(f"{gateway.url}/health", timeout=30)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.mark.parametrize(
    ("complaint", "advice"),
    [
        ("Error: Permission Denied: Try running again with elevated permissions", "SYS_PTRACE"),
        ("Error: Operation not permitted (os error 1)", "SYS_PTRACE"),
        ("[ERROR] No stack counts found\nError: Failed", "Call it while it is watched."),
        ("Error: Failed to open process 9\nmore", "Error: Failed to open process 9"),
    ],
)
def test_a_reason_comes_with_advice(complaint: str, advice: str) -> None:
    """What a person can do about it is said where it is known."""
    assert advice in reason(complaint)


@pytest.mark.timeout(180)  # the first run installs the profilers
def test_memory(tmp_path: Path) -> None:
    """A busy server's allocations, as text and as a graph; it ended well and its record is whole."""
    done = profile(tmp_path, "memory", "--seconds", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    text, graph = written(done)
    assert (text, graph) == (tmp_path / "reports" / "memory.txt", tmp_path / "reports" / "memory.html")
    assert "Peak memory usage" in text.read_text(encoding="utf-8")
    assert "tollbar" in graph.read_text(encoding="utf-8")


@pytest.mark.timeout(180)
def test_cpu_of_a_running_server(tmp_path: Path) -> None:
    """A server that runs already is watched, and runs on."""
    with started(tmp_path) as gateway, kept_busy(gateway):
        done = profile(tmp_path, "cpu", str(gateway.process.pid), "--seconds", "1")
        assert gateway.request("GET", "/health").status_code == 200
    skip_where_watching_is_forbidden(done)
    assert done.returncode == 0, done.stdout + done.stderr
    (graph,) = written(done)
    assert graph.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.timeout(180)
def test_cpu_of_a_server_of_its_own(tmp_path: Path) -> None:
    """Without a process id one is started and kept busy; its stages are in the picture."""
    done = profile(tmp_path, "cpu", "--seconds", "2")
    skip_where_watching_is_forbidden(done)
    assert done.returncode == 0, done.stdout + done.stderr
    (graph,) = written(done)
    assert "gateway/completions.py" in graph.read_text(encoding="utf-8")


def test_a_process_that_is_not_there_is_told(tmp_path: Path) -> None:
    """No file is written, and the status says so."""
    done = profile(tmp_path, "cpu", "999999999", "--seconds", "1")
    assert (done.returncode, written(done)) == (1, [])
    assert "process 999999999" in done.stdout
