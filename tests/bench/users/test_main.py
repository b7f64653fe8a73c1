"""A load test, in small, for real: Locust is installed, users call a server, and the exit status is theirs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.stand import Gateway, provider, started
from tests.rules.source import ROOT

ROWS = re.compile(r"^(?:GET|POST) +(.+?) +(\d+) +(\d+)\(", re.MULTILINE)

SECONDS = ("3", "8", "25")
"""How long it may take until each kind of call was made: on most machines the first is enough."""
LIMITED = ["generate", "generate, streamed", "generate with a model"]


def load(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs users in a directory of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bench.users", *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.timeout(180)  # the first run installs Locust
def test_users_call_a_server_of_their_own(tmp_path: Path) -> None:
    """Without an address a Tollbar with the guide is started; every kind of call is made, and none fails."""
    wanted = {"chat", "chat, streamed", "chat, streamed: first piece", "generate", "question"}
    for seconds in SECONDS:
        done = load(tmp_path, "quick", "--users", "20", "--seconds", seconds)
        rows = {name: (int(calls), int(failures)) for name, calls, failures in ROWS.findall(done.stdout)}
        assert done.returncode == 0, done.stdout + done.stderr
        if wanted <= rows.keys():
            break
    assert wanted <= rows.keys()
    assert [name for name, (calls, failures) in rows.items() if not calls or failures] == []
    assert "<html" in (tmp_path / "reports" / "load-quick.html").read_text(encoding="utf-8")


@pytest.mark.timeout(180)
def test_failures_are_the_exit_status(tmp_path: Path) -> None:
    """A server that cuts its streams and answers others with nothing: the run fails and says why."""
    with provider() as up, started(tmp_path, up) as gateway:
        for seconds in SECONDS:  # on a busy machine none of the first calls may be one of that model
            done = call_cut_model(gateway, tmp_path, seconds)
            if done.returncode:
                break
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"status 5\d\d|the stream was cut|the answer lacks", done.stdout)


@pytest.mark.timeout(180)
def test_what_a_limit_refuses_is_counted_apart_and_no_failure(tmp_path: Path) -> None:
    """All users share one address, which may do little here; whole answers and streams."""
    limits = "limits: {routes: {/generate: {rates: 1/minute}, '/generate/*': {rates: 1/minute}}}\n"
    with provider() as up, started(tmp_path, up, limits) as gateway:
        key = gateway.make_key("users")
        arguments = ("quick", "--host", gateway.url, "--key", key, "--model", "tollbar-guide", "--users", "30")
        for seconds in SECONDS:
            done = load(tmp_path, *arguments, "--seconds", seconds)
            assert done.returncode == 0, done.stdout + done.stderr
            refused = [name for name in LIMITED if f"{name}: over the limit" in done.stdout]
            if refused == LIMITED:
                break
    assert refused == LIMITED


def call_cut_model(gateway: Gateway, directory: Path, seconds: str) -> "subprocess.CompletedProcess[str]":
    """Some time with a model whose answers never reach their end."""
    key = gateway.make_key("users")
    return load(
        directory,
        *("quick", "--host", gateway.url, "--key", key, "--model", "lab/cut", "--users", "10", "--seconds", seconds),
    )


def test_an_address_wants_a_key(tmp_path: Path) -> None:
    """Nobody is sent to a foreign server without one."""
    done = load(tmp_path, "quick", "--host", "http://127.0.0.1:1", "--key", "")
    assert (done.returncode, "--key" in done.stderr) == (2, True)
