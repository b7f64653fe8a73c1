"""The first minute: nothing is configured, a server is started, and its own line is pasted into a shell."""

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.journeys.bodies import chat
from tests.journeys.stand import STOP_SECONDS, Gateway, clean, start, started, used_seconds


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which nothing is configured."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def first_banner(home: Path) -> str:
    """What the very first start printed."""
    with started(home, environment={}, is_furnished=False) as gateway:
        answer = paste(gateway.banner)
        assert "tollbar keys create" in answer["choices"][0]["message"]["content"]
        admin_key = admin_key_in(gateway.banner)
        assert gateway.request("GET", "/admin/api/keys", admin_key).status_code == 200
        assert gateway.request("GET", "/admin/api/keys", key_in(gateway.banner)).status_code == 403
        return gateway.banner


@pytest.fixture(scope="module")
def second(home: Path, first_banner: str) -> Iterator[Gateway]:
    """The second start."""
    with started(home, environment={}) as gateway:
        yield gateway


def test_the_printed_line_works_when_pasted(first_banner: str) -> None:
    """The first start prints a line that a shell runs and the guide answers, and an admin key that opens."""
    assert re.search(r"Tollbar listens on http://127\.0\.0\.1:\d+ ", first_banner)
    assert "Default model: tollbar-guide" in first_banner
    assert admin_key_in(first_banner) != key_in(first_banner)


def test_the_second_start_is_quick_and_keeps_the_admin_key_to_itself(second: Gateway, first_banner: str) -> None:
    """State lives in ./data; a later start answers soon, prints a fresh line, and no admin key."""
    answer = paste(second.banner)
    assert answer["model"] == "tollbar-guide"
    assert "Admin key" not in second.banner
    assert key_in(first_banner) != key_in(second.banner)
    assert second.request("GET", "/admin/api/keys", admin_key_in(first_banner)).status_code == 200
    assert second.request("GET", "/v1/models", key_in(first_banner)).status_code == 200  # for the day it was promised
    assert {"secret", "tollbar.db"} <= {path.name for path in (second.directory / "data").iterdir()}


def test_the_second_start_answers_in_time(second: Gateway) -> None:
    """From the command to the first answered request: 2 s on a quiet machine. Its work is measured here, no waiting."""
    answer = second.post(key_in(second.banner), chat("tollbar-guide"))
    seconds = used_seconds(second.process.pid)
    sys.stdout.write(f"second start and what was asked since: {seconds:.2f} s of the processor\n")
    assert answer.status_code == 200
    assert seconds < 5


@pytest.mark.parametrize(("path", "status"), [("/health", "ok"), ("/healthz", "ok"), ("/health/ready", "ready")])
def test_health_needs_no_key(second: Gateway, path: str, status: str) -> None:
    """Probes are answered to everybody, with the version, and for less than 20 ms of work each."""
    response = second.request("GET", path)
    assert (response.status_code, response.json()["status"]) == (200, status)
    assert response.json()["version"]
    before = used_seconds(second.process.pid)
    assert {second.request("GET", path).status_code for _ in range(50)} == {200}
    assert used_seconds(second.process.pid) - before < 1


@pytest.mark.parametrize("prefix", ["/v1", ""])
def test_the_models_are_listed_in_openais_shape(second: Gateway, prefix: str) -> None:
    """The list holds the guide and nothing that was not asked for; one model is shown alone; others are unknown."""
    key = key_in(second.banner)
    listed = second.request("GET", f"{prefix}/models", key).json()
    assert listed["object"] == "list"
    assert "tollbar-guide" in [model["id"] for model in listed["data"]]
    shown = second.request("GET", f"{prefix}/models/tollbar-guide", key).json()
    assert (shown["id"], shown["object"]) == ("tollbar-guide", "model")
    unknown = second.request("GET", f"{prefix}/models/gpt-4o", key)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")
    assert second.request("GET", f"{prefix}/models").status_code == 401


def test_the_documents_are_there(second: Gateway) -> None:
    """Both browsers of the API and its description are public and come from here alone."""
    for path in ("/docs", "/redoc"):
        page = second.request("GET", path)
        assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
        assert not re.search(r"(?:src|href)=[\"']?https?://(?!127\.0\.0\.1)", page.text)
    described = second.request("GET", "/openapi.json").json()
    assert {"/v1/chat/completions", "/v1/models", "/v1/me", "/health", "/admin/api/keys"} <= described["paths"].keys()


def test_an_unknown_address_says_what_was_meant(second: Gateway) -> None:
    """An unknown path and a wrong method are errors in the one shape, with an id."""
    unknown = second.request("POST", "/v1/chat/completion", json={})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")
    assert "/v1/chat/completions" in unknown.json()["error"]["message"]
    assert unknown.json()["error"]["request_id"] == unknown.headers["x-request-id"]
    wrong = second.request("GET", "/v1/chat/completions")
    assert (wrong.status_code, wrong.json()["error"]["code"], wrong.headers["allow"]) == (
        405,
        "method_not_allowed",
        "POST",
    )


def test_another_server_can_run_it(tmp_path: Path) -> None:
    """`uvicorn --factory tollbar.app:create` serves the same product."""
    variables = {"TOLLBAR_ADMIN_KEY": "an-admin-key-from-the-environment"}
    with socket.create_server(("127.0.0.1", 0)) as listener, (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-m", "uvicorn", "--factory", "tollbar.app:create", "--fd", str(listener.fileno())]
        process = subprocess.Popen(
            command, cwd=tmp_path, env=clean(tmp_path, variables), pass_fds=[listener.fileno()], stderr=log, stdout=log
        )
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            assert requests.get(f"{url}/health/ready", timeout=30).json()["status"] == "ready"
            admin = {"authorization": f"Bearer {variables['TOLLBAR_ADMIN_KEY']}"}
            made = requests.post(f"{url}/admin/api/keys", json={"name": "ana"}, headers=admin, timeout=30).json()
            body = {"model": "tollbar-guide", "messages": [{"role": "user", "content": "How do I rotate a key?"}]}
            headers = {"authorization": f"Bearer {made['key']}"}
            answer = requests.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=30).json()
            assert "tollbar keys rotate" in answer["choices"][0]["message"]["content"]
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def test_one_directory_has_one_server(second: Gateway) -> None:
    """A second server on the same data refuses to start and says why; the first one goes on."""
    with pytest.raises(AssertionError, match="data"):
        start(second.directory, {})
    assert second.request("GET", "/health/ready").status_code == 200


def paste(banner: str) -> Any:
    """What the banner's line answers when a shell runs it."""
    line = line_in(banner)
    if shutil.which("curl"):
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)
    words = shlex.split(line.replace("\\\n", " "))
    headers = dict(words[index + 1].split(": ", 1) for index, word in enumerate(words) if word == "-H")
    return requests.post(words[1], words[words.index("-d") + 1].encode(), headers=headers, timeout=30).json()


def line_in(banner: str) -> str:
    """The line to paste, which is three."""
    match = re.search(r"^ *(curl .*\\\n.*\\\n.*)$", banner, re.MULTILINE)
    assert match
    return match[1]


def key_in(banner: str) -> str:
    """The key in the line to paste."""
    match = re.search(r"Bearer (sk-toll-\w+)", banner)
    assert match
    return match[1]


def admin_key_in(banner: str) -> str:
    """The admin key, which is printed once."""
    match = re.search(r"Admin key, shown this once: +(sk-toll-\w+)", banner)
    assert match
    return match[1]
