"""End users, usage and quotes, through a real server of two workers and a real provider."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from tests.journeys.bodies import chat
from tests.journeys.stand import ADMIN_KEY, LAB_KEY, Gateway, started, wait_until
from tests.upstream import FakeUpstream

MORE = """\
ledger: {clamp: true}
models: {a: 'lab/slow-headers:30', b: {targets: [lab/plain], price: {input: 1, output: 2}}}
"""


class Listener:
    """Listens to a key's usage on a thread of its own."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self.heard: list[Any] = []
        self.is_listening, self.is_over = threading.Event(), threading.Event()
        self._place = f"{gateway.url}/v1/me/usage/stream", {"authorization": f"Bearer {key}"}
        threading.Thread(target=self._listen, daemon=True).start()
        assert self.is_listening.wait(20)

    def _listen(self) -> None:
        url, headers = self._place
        with requests.get(url, headers=headers, stream=True, timeout=30) as answer:
            for line in answer.iter_lines(chunk_size=1):
                self.is_listening.set()
                if line.startswith(b"data: "):
                    self.heard.append(json.loads(line[6:]))
        self.is_over.set()


def call(gateway: Gateway, key: str, user: str, model: str = "a") -> requests.Response:
    """A call for somebody, named in one of the ways there are."""
    named = {"user": user} if len(user) % 2 else {"safety_identifier": user}
    return gateway.post(key, {**chat(model), **named})


def test_each_end_user_has_what_is_granted_and_the_holder_sees_it(tmp_path: Path, up: FakeUpstream) -> None:
    """Thirty calls at once for three, over two workers: two each; usage, its stream and quotes tell the same."""
    variables = {"TOLLBAR_ADMIN_KEY": ADMIN_KEY, "LAB_KEY": LAB_KEY, "TOLLBAR_WORKERS": "2"}
    with started(tmp_path, up, MORE, variables) as gateway:
        issued = gateway.issue("app", credits=100)
        key, place = issued["key"], f"/end-users/{issued['id']}"
        gateway.admin("PUT", place, {"credits": 2, "reset": "day"})
        wait_until(lambda: gateway.post(key, chat("a")).status_code == 400)
        refused = gateway.post(key, chat("a")).json()["error"]
        assert (refused["param"], refused["code"]) == ("user", "missing_required_field")
        listener = Listener(gateway, key)
        with ThreadPoolExecutor(30) as pool:
            told = list(pool.map(lambda number: call(gateway, key, "abc"[: 1 + number % 3]).status_code, range(30)))
        assert (told.count(200), told.count(429)) == (6, 24)
        listed = gateway.admin("GET", place)["data"]
        ids = {one["id"]: one["name"] for one in listed}
        assert sorted(one["allowances"][0]["spent"] for one in listed) == [2, 2, 2]
        assert sorted(ids[line["end_user"]] for line in gateway.ledger()) == ["a", "a", "ab", "ab", "abc", "abc"]
        usage = gateway.request("GET", "/v1/me/usage", key).json()
        assert (usage["total"]["calls"], usage["total"]["credits"]) == (6, 6)
        assert (usage["allowances"][0]["left"], usage["allowances"][0]["runs_out_at"] is not None) == (94, True)
        theirs = gateway.request("GET", "/v1/me/usage?user=ab", key).json()
        assert (theirs["total"]["calls"], theirs["end_user"]) == (2, "ab")
        assert {one["holder"]: one["left"] for one in theirs["allowances"]} == {"key": 94, "end_user": 0}
        wait_until(lambda: len(listener.heard) == 6)
        assert {ids[one["end_user"]] for one in listener.heard} == {"a", "ab", "abc"}

        quoted = gateway.post(key, chat("b"), path="/v1/quote", headers={"x-tollbar-end-user": "ab"}).json()
        assert (quoted["allowed"], [one["holder"] for one in quoted["refused_by"]]) == (False, ["end_user"])
        asked = {**chat("b", max_tokens=9), "metadata": {"user_id": "new"}}
        [target] = gateway.post(key, asked, path="/v1/quote?dialect=anthropic").json()["targets"]
        assert 0 < target["least_dollars"] < target["expected_dollars"] <= target["most_dollars"]
        dry = {"x-tollbar-dry-run": "true", "x-tollbar-end-user": "new"}
        assert gateway.post(key, chat("b"), headers=dry).json()["allowed"]
        assert len(gateway.admin("GET", place)["data"]) == 3  # a quote makes nobody
        assert gateway.post(key, asked, path="/v1/quote?dialect=x").json()["error"]["param"] == "dialect"

        short = gateway.make_key("short", tokens=400)
        answered = gateway.post(short, {**chat("b"), "max_tokens": 5_000})
        assert answered.status_code == 200, answered.text
        length = int(answered.headers["x-tollbar-clamped"].removeprefix("max_tokens="))
        assert length == up.journal[-1].json["max_tokens"]
        assert 0 < length < 400

        gateway.admin("PATCH", f"{place}/ab", {"renew": True})
        wait_until(lambda: call(gateway, key, "ab").status_code == 200)
        gateway.admin("PATCH", f"{place}/ab", {"blocked": True})
        wait_until(lambda: call(gateway, key, "ab").status_code == 403)
        gateway.admin("POST", f"/keys/{issued['id']}/revoke")
        assert listener.is_over.wait(20)
