"""What the workers of one server share; whole servers of several workers are in `tests/journeys/test_workers.py`."""

import os
import socket
from pathlib import Path

import pytest

from tests.app.making import settings_of
from tollbar.admin.bootstrap import BootstrapError
from tollbar.app.workers import MadeKeys, Worker, listening
from tollbar.settings import SettingsError


def a_worker(directory: Path, number: int = 0) -> Worker:
    """One of three."""
    return Worker(number, 3, directory, os.getppid(), MadeKeys(), "place")


def test_what_workers_publish_the_others_read(tmp_path: Path) -> None:
    """Each but its own, which a successor finds; nothing where nobody has published yet."""
    workers = [a_worker(tmp_path, number) for number in range(3)]
    assert (workers[0].published(), list(workers[0].others())) == (None, [])
    for number in (0, 1):
        workers[number].publish(b"old")
        workers[number].publish(str(number).encode())
    assert [list(worker.others()) for worker in workers] == [[b"1"], [b"0"], [b"0", b"1"]]
    assert a_worker(tmp_path, 1).published() == b"1"


def test_one_of_them_tells_of_the_start(tmp_path: Path) -> None:
    """Whoever listens first, and no successor of theirs."""
    assert [a_worker(tmp_path, number).is_first_to_tell() for number in (2, 0, 2)] == [True, False, False]


def test_each_has_a_slot_of_its_own_and_knows_its_supervisor(tmp_path: Path) -> None:
    """Two starts never share a slot, because they never share a directory."""
    assert {a_worker(tmp_path, number).slot for number in range(3)} == {"place/0", "place/1", "place/2"}
    assert not a_worker(tmp_path).has_lost_its_supervisor()
    assert Worker(0, 1, tmp_path, -1, MadeKeys(), "place").has_lost_its_supervisor()


def test_the_address_is_listened_on_once_for_all() -> None:
    """Port 0 takes a free one; a port that is taken is told in a sentence."""
    sockets = listening("127.0.0.1", 0)
    try:
        port = sockets[0].getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), 5):
            pass
        with pytest.raises(BootstrapError, match=f"Nobody can listen on 127.0.0.1, port {port}: "):
            listening("127.0.0.1", port)
    finally:
        for one in sockets:
            one.close()


def test_counters_that_each_keeps_for_itself_are_refused(tmp_path: Path) -> None:
    """With the setting that mends it; one worker may have them."""
    with pytest.raises(SettingsError, match="4 workers that count each for itself let too much pass") as refused:
        settings_of(tmp_path, "server: {workers: 4}\n", REDIS_URL="memory://")
    assert "Leave it out" in str(refused.value)
    assert settings_of(tmp_path, "server: {workers: 4}\n").server.workers == 4
    assert settings_of(tmp_path, REDIS_URL="memory://", TOLLBAR_WORKERS="1").server.workers == 1
