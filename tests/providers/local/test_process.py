"""An engine as a process: it says where it is, it ends with us, and whatever keeps it from starting is said."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.journeys.stand import wait_until
from tests.providers.local.making import shelve
from tests.providers.local.models import WIDTH
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Timeouts
from tollbar.domain.errors import EngineUnavailable, UpstreamMisconfigured
from tollbar.providers.faults import Peer
from tollbar.providers.local.child import Order
from tollbar.providers.local.process import COMMAND, SAID, USUAL, EngineProcess, Launch, needed
from tollbar.providers.local.runner import order_of
from tollbar.providers.local.terms import Terms
from tollbar.providers.transport import Transport, endpoint

pytestmark = pytest.mark.anyio

LAUNCH = Launch(environment={})


def order(directory: Path) -> Order:
    """An order for a small model."""
    return order_of(shelve(directory), Terms(threads=1))[0]


def saying(program: str) -> Launch:
    """A child that is another program."""
    return Launch((sys.executable, "-c", program), {}, 20.0)


async def test_an_engine_serves_those_who_have_its_key(tmp_path: Path) -> None:
    """On loopback; others are refused."""
    engine = await EngineProcess.start(order(tmp_path), LAUNCH)
    assert engine.url.startswith("http://127.0.0.1:")
    async with Transport(SystemClock()) as transport:
        for key, may_enter in ((engine.order.key, True), ("another", False)):
            to = endpoint(Peer("local"), f"{engine.url}/v1/models", {"authorization": f"Bearer {key}"})
            try:
                async with transport.get(to, Timeouts()) as answer:
                    assert b"tiny" in await answer.read()
                assert may_enter
            except UpstreamMisconfigured:
                assert not may_enter
    await engine.stop()
    assert (engine.ended.is_set(), engine.crash) == (True, None)


async def test_an_embedding_model_makes_vectors(tmp_path: Path) -> None:
    """One for each text, of length one, equal for equal texts; tokens are counted."""
    model = shelve(tmp_path, "vectors", kind="embedding")
    engine = await EngineProcess.start(order_of(model, Terms(threads=1))[0], LAUNCH)
    async with Transport(SystemClock()) as transport:
        to = endpoint(Peer("local"), f"{engine.url}/v1/embeddings", {"authorization": f"Bearer {engine.order.key}"})
        body = json.dumps({"model": "vectors", "input": ["abc", "abc", "z" * 400]}).encode()
        async with transport.post(to, body, Timeouts(), stream=False) as answer:
            made = json.loads(await answer.read())
    vectors = [entry["embedding"] for entry in made["data"]]
    assert [len(vector) for vector in vectors] == [WIDTH] * 3
    assert vectors[0] == vectors[1] != vectors[2]
    assert all(abs(sum(value * value for value in vector) - 1) < 1e-3 for vector in vectors)
    assert made["usage"]["prompt_tokens"] == 3 + 3 + 400
    await engine.stop()


async def test_a_crash_is_told_with_its_signal(tmp_path: Path) -> None:
    """Native code that fails ends the child; here it is known how."""
    engine = await EngineProcess.start(order(tmp_path), LAUNCH)
    os.kill(engine.pid, signal.SIGSEGV)
    await engine.ended.wait()
    assert engine.crash is not None
    assert "ended by signal 11" in engine.crash


async def test_without_the_extra_the_remedy_is_named(tmp_path: Path) -> None:
    """As it is where Tollbar was installed alone."""
    program = "import sys, runpy; sys.modules['xllamacpp'] = None; runpy.run_module('%s', run_name='__main__')"
    with pytest.raises(EngineUnavailable, match="not installed") as told:
        await EngineProcess.start(order(tmp_path), saying(program % COMMAND[2]))
    assert "pip install 'tollbar[local]'" in told.value.hint
    assert told.value.status == 503


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("import sys; print('no wheels', file=sys.stderr); sys.exit(3)", "ended with status 3. no wheels"),
        ("print('not what was agreed')", "ended"),
        ("import os; os.kill(os.getpid(), 4)", "ended by signal 4"),
    ],
)
async def test_a_child_that_is_none_is_told(tmp_path: Path, program: str, text: str) -> None:
    """With the last that it said."""
    with pytest.raises(EngineUnavailable, match=text) as told:
        await EngineProcess.start(order(tmp_path), saying(program))
    assert told.value.is_retryable


async def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    """It is an error like any other."""
    with pytest.raises(EngineUnavailable, match="No process can be started"):
        await EngineProcess.start(order(tmp_path), Launch(("/nowhere/python",), {}))


async def test_loading_has_its_time(tmp_path: Path) -> None:
    """A child that never says where it is is ended, and the setting named."""
    launch = Launch((sys.executable, "-c", "import time; time.sleep(60)"), {}, 0.3)
    with pytest.raises(EngineUnavailable, match="not loaded within") as told:
        await EngineProcess.start(order(tmp_path), launch)
    assert "local.start_seconds" in told.value.hint


async def test_a_start_that_is_given_up_leaves_no_process(tmp_path: Path) -> None:
    """The child is ended, and its end waited for."""
    pidfile = tmp_path / "pid"
    program = f"import os, time; open({str(pidfile)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    task = asyncio.create_task(EngineProcess.start(order(tmp_path), saying(program)))
    await asyncio.to_thread(wait_until, lambda: pidfile.exists() and pidfile.read_text(), 10.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(pidfile.read_text()), 0)


async def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    """It may ignore the closed pipe."""
    program = 'import time; print(\'{"url": "http://127.0.0.1:9"}\', flush=True); time.sleep(60)'
    engine = await EngineProcess.start(order(tmp_path), saying(program))
    await engine.stop(seconds=0.1)
    assert (engine.ended.is_set(), engine.crash) == (True, None)


def test_keys_stay_with_us() -> None:
    """A child gets what programs need, and no key of a provider."""
    ours = {"PATH": "/bin", "OMP_NUM_THREADS": "2", "OPENAI_API_KEY": "sk-1", "TOLLBAR_SECRET": "x", "HF_TOKEN": "y"}
    assert needed(ours) == {"PATH": "/bin", "OMP_NUM_THREADS": "2", **USUAL, **SAID}
    assert needed({"GOMP_SPINCOUNT": "5"})["GOMP_SPINCOUNT"] == "5"
