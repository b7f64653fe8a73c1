"""Tollbar serves in 512 MB when its models are elsewhere: shown by a run that may not have more.

The kernel refuses the process memory of its own above the limit (RLIMIT_DATA), and what was ever resident, libraries
included, is read off afterwards. The guide's index is loaded; the streams are all under way at the same time.
"""

import asyncio
import re
import resource
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.load import Load, Result, Turns, play
from tests.journeys.bodies import chat, raw_chat
from tests.journeys.stand import Gateway, provider, started, wait_until
from tests.upstream import FakeUpstream

MEBIBYTE = 1_048_576
LIMIT_BYTES = 512 * MEBIBYTE
STREAMS = 300
LARGE_BODY_BYTES = 4 * MEBIBYTE
LARGE = {"x": "y" * LARGE_BODY_BYTES}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and figures are those of Linux")


@pytest.fixture(scope="module")
def up() -> Iterator[FakeUpstream]:
    """The provider."""
    with provider() as up:
        yield up


@pytest.fixture
def gateway(tmp_path: Path, up: FakeUpstream) -> Iterator[Gateway]:
    """Tollbar under the limit."""
    with started(tmp_path, up) as gateway:
        resource.prlimit(gateway.process.pid, resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))
        yield gateway


def held(gateway: Gateway, kind: str = "VmHWM") -> int:
    """The most bytes that were ever resident; or another figure of the process, such as VmData, which is limited."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    (kibibytes,) = re.findall(rf"^{kind}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kibibytes) * 1024


def run(gateway: Gateway, key: str, model: str, connections: int, rounds: int, **more: object) -> Result:
    """So many streams of a model at the same time, so many times over."""
    request = raw_chat(key, chat(model, stream=True, **more)).decode()
    (result,) = asyncio.run(play(Turns([Load(gateway.port, [request], connections, seconds=60, rounds=rounds)])))
    return result


def test_it_serves_many_streams_in_512_megabytes(gateway: Gateway, up: FakeUpstream) -> None:
    """Hundreds of streams at once, large requests, and the guide: every answer whole, and memory to spare."""
    idle, key = held(gateway), gateway.make_key("loaded")
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(run, gateway, key, "lab/gated:50", STREAMS, rounds=2)
        wait_until(lambda: len(up.journal) == STREAMS, 60)  # none ends before the last has begun
        up.gate.set()
        streams = under_way.result()
    assert (streams.answered, streams.failed) == (2 * STREAMS, 0), streams.example
    large = run(gateway, key, "lab/ok", 8, rounds=2, metadata=LARGE)
    assert (large.answered, large.failed) == (16, 0), large.example
    guide = run(gateway, key, "tollbar-guide", 20, rounds=2)
    assert (guide.answered, guide.failed) == (40, 0), guide.example
    peak = held(gateway)
    sys.stdout.write(
        f"resident: {idle / MEBIBYTE:.0f} MiB after the start, {peak / MEBIBYTE:.0f} MiB at most with {STREAMS} "
        f"streams at once, bodies of {LARGE_BODY_BYTES // MEBIBYTE} MiB and the guide; "
        f"allowed: {LIMIT_BYTES // MEBIBYTE} MiB\n"
    )
    assert peak < LIMIT_BYTES * 0.8


def test_the_limit_is_one(gateway: Gateway) -> None:
    """With a little less than it needs the process cannot answer all: the limit above is one that bites."""
    key = gateway.make_key("loaded")
    limit = held(gateway, "VmData") + 2 * LARGE_BODY_BYTES
    resource.prlimit(gateway.process.pid, resource.RLIMIT_DATA, (limit, limit))
    try:
        assert run(gateway, key, "lab/ok", 8, rounds=1, metadata=LARGE).failed > 0
    finally:
        gateway.kill()
        (gateway.directory / "err").write_text("")  # what a process says without memory is no matter of this test
