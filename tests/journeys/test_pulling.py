"""Models pulled onto the machine of a running server, over its admin API and beside it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.hub import FakeHub
from tests.journeys.stand import ADMIN_KEY, STOP_SECONDS, TOLLBAR, Gateway, clean, started, wait_until
from tests.providers.local.models import write_model

REPOSITORY = "lab/tiny-GGUF"
NAME = "tiny.q4_k_m"
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
MODELS = "/admin/api/models"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    """A hub that has the model."""
    with FakeHub() as server:
        server.add(REPOSITORY, {"tiny.Q4_K_M.gguf": write_model(tmp_path / "tiny.gguf").read_bytes()}, licence="mit")
        yield server


@pytest.fixture
def variables(hub: FakeHub) -> dict[str, str]:
    """An environment in which that hub is the hub."""
    return {"TOLLBAR_ADMIN_KEY": ADMIN_KEY, "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}


@pytest.fixture
def gateway(tmp_path: Path, variables: dict[str, str]) -> Iterator[Gateway]:
    """A server that nobody set up."""
    with started(tmp_path, environment=variables) as running:
        yield running


def begin(gateway: Gateway, name: str = REPOSITORY) -> dict[str, Any]:
    """Begin a pull."""
    answer = requests.post(gateway.url + MODELS + "/pull", json={"model": name}, headers=ADMIN, timeout=30)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


def events(gateway: Gateway, pull_id: str) -> Iterator[dict[str, Any]]:
    """What the stream of a pull tells."""
    address = f"{gateway.url}{MODELS}/pulls/{pull_id}/events"
    with requests.get(address, headers=ADMIN, stream=True, timeout=30) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if line:
                yield json.loads(line.removeprefix(b"data: "))


def test_a_pulled_model_answers_in_a_running_server(gateway: Gateway, hub: FakeHub) -> None:
    """The stream tells each step; afterwards callers see the model, it answers, and it goes as it came."""
    hub.plan("gate:1500000")
    pull = begin(gateway)
    told = events(gateway, pull["id"])
    assert next(told)["state"] == "downloading"
    key = {"x-api-key": gateway.make_key("ben")}

    def offered() -> set[str]:
        answer = requests.get(gateway.url + "/v1/models", headers=key, timeout=30)
        return {model["id"] for model in answer.json()["data"]}

    assert NAME not in offered()
    hub.gate.set()
    *_, last = told
    assert (last["state"], last["done_bytes"], last["error"]) == ("done", last["total_bytes"], None)
    wait_until(lambda: NAME in offered())
    body = {"model": NAME, "messages": [{"role": "user", "content": "x"}], "max_tokens": 8}
    said = requests.post(gateway.url + "/v1/chat/completions", json=body, headers=key, timeout=50).json()
    assert said["choices"][0]["message"]["content"] == "yz"
    listed = requests.get(gateway.url + MODELS, headers=ADMIN, timeout=30).json()
    assert [model["name"] for model in listed["data"]] == [NAME]
    removed = requests.post(gateway.url + MODELS + "/remove", json={"model": NAME}, headers=ADMIN, timeout=30)
    assert removed.status_code == 200
    wait_until(lambda: NAME not in offered())


def test_server_and_terminal_share_a_download(gateway: Gateway, hub: FakeHub, variables: dict[str, str]) -> None:
    """A pull in the terminal waits for the server's, and both find the model done."""
    hub.plan("gate:1500000")
    pull = begin(gateway)
    command = [TOLLBAR, "pull", REPOSITORY, "--json"]
    environment = clean(gateway.directory, variables)
    with subprocess.Popen(
        command, cwd=gateway.directory, env=environment, stdout=subprocess.PIPE, text=True
    ) as terminal:
        if terminal.stdout is None:
            raise RuntimeError("no pipe")
        states = []
        for line in terminal.stdout:
            states.append(json.loads(line)["state"])
            if states[-1] == "waiting":
                hub.gate.set()
    *_, last = events(gateway, pull["id"])
    assert (terminal.returncode, states[-1], last["state"]) == (0, "done", "done")
    assert len(hub.asked("storage")) == 1


def test_all_workers_know_a_pull(tmp_path: Path, hub: FakeHub, variables: dict[str, str]) -> None:
    """Whichever is asked lists it, tells how far it is, takes a second wish for the same, and offers the model."""
    hub.plan("gate:1500000")
    with started(tmp_path, environment={**variables, "TOLLBAR_WORKERS": "2"}) as gateway:
        pull = begin(gateway)
        assert {begin(gateway)["id"] for _ in range(8)} == {pull["id"]}
        for _ in range(8):  # each on a connection of its own, which either worker may take
            listed = requests.get(gateway.url + MODELS, headers=ADMIN, timeout=30).json()
            assert [(each["id"], each["state"]) for each in listed["pulls"]] == [(pull["id"], "downloading")]
        watching = [events(gateway, pull["id"]) for _ in range(4)]
        assert {next(told)["state"] for told in watching} == {"downloading"}
        hub.gate.set()
        assert {list(told)[-1]["state"] for told in watching} == {"done"}
        for _ in range(8):
            listed = requests.get(gateway.url + MODELS, headers=ADMIN, timeout=30).json()
            assert ([each["name"] for each in listed["data"]], len(listed["pulls"])) == ([NAME], 1)
    assert len(hub.asked("storage")) == 1
    assert list((tmp_path / "data" / "models" / ".pulls").iterdir()) == []


def test_any_worker_cancels_a_pull(tmp_path: Path, hub: FakeHub, variables: dict[str, str]) -> None:
    """Whichever is asked, the download ends, its watchers hear of it, and the next pull goes on from there."""
    hub.plan("gate:1500000")
    with started(tmp_path, environment={**variables, "TOLLBAR_WORKERS": "2"}) as gateway:
        pull = begin(gateway)
        told = [events(gateway, pull["id"]) for _ in range(4)]
        assert {next(each)["state"] for each in told} == {"downloading"}
        address = f"{gateway.url}{MODELS}/pulls/{pull['id']}"
        wait_until(lambda: requests.get(address, headers=ADMIN, timeout=30).json()["done_bytes"] > 0)
        for _ in range(4):  # each on a connection of its own, which either worker may take
            cancelled = requests.delete(address, headers=ADMIN, timeout=30)
            assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
        assert {list(each)[-1]["state"] for each in told} == {"cancelled"}
        again = begin(gateway)
        assert again["id"] != pull["id"]
        assert list(events(gateway, again["id"]))[-1]["state"] == "done"
    assert [seen.headers.get("range") is None for seen in hub.asked("storage")] == [True, False]
    assert list((tmp_path / "data" / "models" / ".pulls").iterdir()) == []


def test_a_server_stops_though_a_pull_goes_on(gateway: Gateway, hub: FakeHub) -> None:
    """Neither the pull nor who watches it holds it up, and the next pull goes on."""
    hub.plan("stall:1500000")
    told = events(gateway, begin(gateway)["id"])
    next(told)
    gateway.process.terminate()
    assert gateway.process.wait(STOP_SECONDS) == 0  # the pull would go on for ever
    assert list(told) == []


def test_what_cannot_be_pulled_is_refused(gateway: Gateway, hub: FakeHub) -> None:
    """With the status that says whose affair it is; a path is nobody's name here."""
    for name, status in (("lab/other", 404), ("tinylama", 404), (f"{gateway.directory}/tiny.gguf", 404)):
        answer = requests.post(gateway.url + MODELS + "/pull", json={"model": name}, headers=ADMIN, timeout=30)
        assert (answer.status_code, set(answer.json())) == (status, {"error"})
    hub.repositories[REPOSITORY].is_gated = True
    *_, last = events(gateway, begin(gateway)["id"])
    assert (last["state"], last["error"]["code"]) == ("failed", "upstream_misconfigured")
    assert "HF_TOKEN" in last["error"]["hint"]
