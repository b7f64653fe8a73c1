"""`tollbar pull` and `tollbar rm`, in this process and as processes of their own that are killed."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admin.pulling import FakeSource
from tests.cli.running import Said, Terminal
from tests.hub import TOKEN, FakeHub
from tests.providers.local.models import write_model
from tollbar.cli.pulling import STOPPED, WAITED, carry_out
from tollbar.domain.local_models import Progress, PullState
from tollbar.providers.local.shelf import Shelf

REPOSITORY = "lab/tiny-GGUF"
NAME = "tiny.q4_k_m"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small model that is one."""
    return write_model(tmp_path_factory.mktemp("weights") / "tiny.gguf").read_bytes()


@pytest.fixture
def hub(weights: bytes) -> Iterator[FakeHub]:
    """A hub that has the model."""
    with FakeHub() as server:
        server.add(REPOSITORY, {"tiny.Q4_K_M.gguf": weights}, licence="mit")
        yield server


def pull(terminal: Terminal, hub: FakeHub, *arguments: str, **names: str) -> Said:
    """Run `tollbar pull` against the hub."""
    return terminal.run("pull", *arguments, environment={"HF_ENDPOINT": hub.endpoint, **names})


def begun(directory: Path, hub: FakeHub, *arguments: str) -> "subprocess.Popen[str]":
    """`tollbar pull --json` as a process of its own."""
    command = [sys.executable, "-m", "tollbar.cli", "pull", REPOSITORY, "--json", *arguments]
    environment = {"HF_ENDPOINT": hub.endpoint, "HOME": str(directory), "PATH": ""}
    return subprocess.Popen(command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True)


def lines_of(process: "subprocess.Popen[str]") -> Iterator[dict[str, object]]:
    """What a process tells, line by line."""
    if process.stdout is None:
        raise RuntimeError("no pipe")
    for line in process.stdout:
        yield json.loads(line)


def until(lines: Iterator[dict[str, object]], state: str) -> object:
    """Read lines until one tells a state; how much it says is done."""
    for line in lines:
        if line["state"] == state:
            return line["done_bytes"]
    raise AssertionError(f"it ended before it was {state}")


def shelf(terminal: Terminal) -> Shelf:
    """The shelf of the usual data directory."""
    return Shelf(terminal.directory / "data" / "models")


def test_a_model_is_pulled_listed_and_removed(terminal: Terminal, hub: FakeHub, weights: bytes) -> None:
    """The whole life of a model, in three commands; what a person should know is beside what a script reads."""
    said = pull(terminal, hub, REPOSITORY)
    assert (said.status, said.out) == (0, f"{NAME} is here.\n")
    assert "licence mit" in said.err
    assert f"tollbar chat --model {NAME}" in said.err
    (model,) = shelf(terminal).list()
    assert model.path.read_bytes() == weights
    assert NAME in terminal.good("models").out
    assert pull(terminal, hub, REPOSITORY).out == f"{NAME} was here already.\n"
    assert terminal.good("rm", f"local/{NAME}").out.startswith(f"{NAME} is gone")
    assert (shelf(terminal).list(), NAME in terminal.good("models").out) == ((), False)


def test_programs_get_a_line_for_each_step(terminal: Terminal, hub: FakeHub, weights: bytes) -> None:
    """What is planned, how far it is, and the end; each line is JSON, and nothing else is written."""
    said = pull(terminal, hub, REPOSITORY, "--json")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert (said.status, said.err) == (0, "")
    assert lines[0] == {
        "state": "planned",
        "model": NAME,
        "source": REPOSITORY,
        "size_bytes": len(weights),
        "missing_bytes": len(weights),
        "licence": "mit",
    }
    assert lines[-1] == {"state": "done", "model": NAME, "done_bytes": len(weights), "total_bytes": len(weights)}
    assert terminal.good("rm", NAME, "--json").value == {"removed": NAME, "bytes": len(weights)}


@pytest.mark.parametrize(("state", "told"), [(PullState.WAITING, WAITED), (PullState.DOWNLOADING, STOPPED)])
def test_who_interrupts_hears_what_goes_on(state: PullState, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Another's pull does; one of its own is begun anew where it ended."""

    async def interrupted() -> None:
        source = FakeSource()
        task = asyncio.create_task(carry_out(source, await source.plan("tiny", may_be_path=True), lambda _: None))
        await asyncio.sleep(0)
        source.tell(Progress(state))
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(interrupted())
    assert capsys.readouterr().err == f"{told}\n"


def test_a_file_of_this_machine_is_added_by_its_path(terminal: Terminal, hub: FakeHub) -> None:
    """Nobody is asked, and removing it leaves the file."""
    path = write_model(terminal.directory / "mine.gguf")
    assert pull(terminal, hub, "mine.gguf").out == "mine is here.\n"
    assert hub.journal == []
    terminal.good("rm", "mine")
    assert path.exists()


@pytest.mark.parametrize(
    ("arguments", "names", "words"),
    [
        (["tinylama"], {}, ["'tinylama'", "Did you mean tinyllama?"]),
        (["lab/other"], {}, ["lab/other", "HF_TOKEN"]),
        ([REPOSITORY], {"HF_HUB_OFFLINE": "1"}, ["HF_HUB_OFFLINE"]),
        ([REPOSITORY], {"HF_TOKEN": "hf_wrong"}, ["refuses the token in HF_TOKEN"]),
        ([REPOSITORY], {"HF_ENDPOINT": "http://127.0.0.1:1"}, ["nothing listens"]),
        (["ollama:x"], {"OLLAMA_HOST": "127.0.0.1:1"}, ["ollama could not be reached"]),
        (["gone.gguf"], {}, ["gone.gguf"]),
    ],
)
def test_a_refusal_says_what_to_do(
    terminal: Terminal, hub: FakeHub, arguments: list[str], names: dict[str, str], words: list[str]
) -> None:
    """In a line or two, with status 1 and nothing on the shelf."""
    said = pull(terminal, hub, *arguments, **names)
    assert (said.status, said.out) == (1, "")
    assert [word for word in words if word not in said.err] == []
    assert "Traceback" not in said.err
    assert shelf(terminal).list() == ()


def test_the_token_opens_what_is_private(terminal: Terminal, hub: FakeHub) -> None:
    """HF_TOKEN is enough, and is shown nowhere."""
    hub.repositories[REPOSITORY].is_private = True
    said = pull(terminal, hub, REPOSITORY, HF_TOKEN=TOKEN)
    assert said.status == 0
    assert TOKEN not in said.out + said.err


def test_what_nobody_has_cannot_be_removed(terminal: Terminal) -> None:
    """The message lists what could be."""
    said = terminal.run("rm", "tiny")
    assert (said.status, "None was pulled yet" in said.err) == (1, True)


def test_without_a_name_a_model_is_proposed(terminal: Terminal, hub: FakeHub, weights: bytes) -> None:
    """With what it weighs, how fast it may be and how that is known; a no fetches nothing."""
    said = pull(terminal, hub)  # nobody answers the question
    assert said.status == 1
    assert [word for word in ("Proposed: ", "tokens a second", "measured", "licence") if word not in said.err] == []
    assert hub.journal == []


def test_what_is_proposed_is_pulled_with_yes(terminal: Terminal, hub: FakeHub, weights: bytes) -> None:
    """Nobody is asked."""
    for repository in ("bartowski/Qwen_Qwen3-4B-GGUF", "bartowski/Qwen_Qwen3-1.7B-GGUF",
                       "bartowski/Qwen_Qwen3-0.6B-GGUF", "bartowski/SmolLM2-360M-Instruct-GGUF"):  # fmt: skip
        hub.add(repository, {"x-Q4_K_M.gguf": weights})
    said = pull(terminal, hub, "--yes", "--json")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert (lines[0]["state"], lines[-1]["state"]) == ("proposed", "done")
    assert [model.name for model in shelf(terminal).list()] == [lines[0]["model"]]


def test_json_alone_agrees_to_nothing(terminal: Terminal, hub: FakeHub) -> None:
    """A program that did not say --yes gets the proposal, and status 1."""
    said = pull(terminal, hub, "--json")
    assert (said.status, json.loads(said.out)["state"], hub.journal) == (1, "proposed", [])


def test_a_killed_pull_breaks_nothing_and_the_next_goes_on(terminal: Terminal, hub: FakeHub, weights: bytes) -> None:
    """kill -9 in the middle: no model, nothing that is taken for one, and only the rest is fetched afterwards."""
    hub.plan("stall:1500000")
    with begun(terminal.directory, hub) as process:
        until(lines_of(process), "downloading")
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in shelf(terminal).folder.rglob("*.partial")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert shelf(terminal).list() == ()
    assert NAME not in terminal.good("models").out
    said = pull(terminal, hub, REPOSITORY, "--json")
    planned = json.loads(said.out.splitlines()[0])
    assert 0 < planned["missing_bytes"] < len(weights)
    assert hub.asked("storage")[-1].headers["range"].startswith("bytes=")
    assert [model.path.read_bytes() for model in shelf(terminal).list()] == [weights]


def test_what_a_killed_pull_left_can_be_removed(terminal: Terminal, hub: FakeHub) -> None:
    """For those who do not want to go on."""
    folder = shelf(terminal).weights_of(NAME)
    folder.mkdir(parents=True)
    (folder / ".tiny.partial").write_bytes(b"GG")
    assert "unfinished" in terminal.good("rm", NAME).out
    assert not folder.exists()


def test_two_processes_share_one_download(terminal: Terminal, hub: FakeHub, weights: bytes) -> None:
    """The second tells that it waits, and both end well; the storage was asked once."""
    hub.plan("gate:1500000")
    with begun(terminal.directory, hub) as first:
        told = lines_of(first)
        until(told, "downloading")
        with begun(terminal.directory, hub) as second:
            heard = lines_of(second)
            until(heard, "waiting")
            hub.gate.set()
            assert (until(told, "done"), until(heard, "done")) == (len(weights), len(weights))
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(hub.asked("storage")) == 1
    assert [model.path.read_bytes() for model in shelf(terminal).list()] == [weights]
