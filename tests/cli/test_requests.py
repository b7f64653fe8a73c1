"""`tollbar requests`, where no server runs; beside one that does in `tests/journeys/test_cancelling.py`."""

import pytest

from tests.cli.running import Terminal
from tests.fakes import FakeClock
from tollbar.cli.requests import _row
from tollbar.domain.records import RunningCall


def test_nothing_runs_without_a_server(terminal: Terminal) -> None:
    """Nothing is listed, and nothing is there to be ended."""
    assert "No call is running" in terminal.good("requests", "list").err
    assert terminal.good("requests", "list", "--json").value == {"object": "list", "data": [], "silent": 0}
    assert "no such call" in terminal.run("requests", "cancel", "req_" + "0" * 24).err


@pytest.mark.parametrize(("seconds", "since"), [(0, "just now"), (120, "2 minutes ago")])
def test_a_call_is_a_line(seconds: int, since: str) -> None:
    """Its id, whose it is, the model, since when, and how much of its answer went out."""
    clock = FakeClock()
    call = RunningCall("req_1", "k", "ana", "/v1/x", "smart", None, clock.now(), 1_200)
    clock.advance(seconds)
    assert _row(call, clock.now()) == ("req_1", "ana", "smart", since, "1,200")
