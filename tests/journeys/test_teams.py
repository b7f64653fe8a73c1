"""Teams, through a real server: what several keys share is shared, across workers, and everybody's is everybody's."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.journeys.bodies import chat
from tests.journeys.stand import ADMIN_KEY, LAB_KEY, Gateway, started, wait_until
from tests.upstream import FakeUpstream

MORE = "models: {a: 'lab/slow-headers:50', b: lab/plain}"


def allowances(gateway: Gateway, key: str) -> dict[str, tuple[int, int]]:
    """What covers a key: of whom, what was spent and what is held."""
    return {one["holder"]: (one["spent"], one["held"]) for one in gateway.me(key)["allowances"]}


def test_keys_of_a_team_share_what_it_has(tmp_path: Path, up: FakeUpstream) -> None:
    """Forty calls at once by two keys, over two workers, on seven credits of the team: seven succeed."""
    variables = {"TOLLBAR_ADMIN_KEY": ADMIN_KEY, "LAB_KEY": LAB_KEY, "TOLLBAR_WORKERS": "2"}
    with started(tmp_path, up, MORE, variables) as gateway:
        gateway.admin("PATCH", "/teams/installation", {"credits": 8})
        team = gateway.admin("POST", "/teams", {"name": "lab", "credits": 7, "models": ["a"]})
        keys = [gateway.make_key(name, credits=30, team="lab") for name in ("ana", "ben")]
        with ThreadPoolExecutor(40) as pool:
            told = list(pool.map(lambda number: gateway.post(keys[number % 2], chat("a")).status_code, range(40)))
        assert (told.count(200), told.count(429)) == (7, 33)
        wait_until(lambda: allowances(gateway, keys[0])["team"] == (7, 0))
        assert allowances(gateway, keys[0])["installation"] == (7, 0)
        assert sum(allowances(gateway, key)["key"][0] for key in keys) == 7
        assert gateway.post(keys[0], chat("b")).json()["error"]["code"] == "forbidden"
        outside = gateway.make_key("outside")
        quoted = gateway.post(keys[0], chat("a"), headers={"x-tollbar-dry-run": "true"}).json()
        assert (quoted["allowed"], [one["holder"] for one in quoted["refused_by"]]) == (False, ["team"])
        answers = [gateway.post(outside, chat("b")) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        place = f"/v1/requests/{answers[0].headers['x-request-id']}"
        [line] = gateway.request("GET", place, outside).json()["lines"]
        assert (line["paid"], line["credits"], line["target"]) == (True, 1, "lab/plain")
        assert gateway.request("GET", place, keys[0]).status_code == 404
        gateway.admin("PATCH", f"/teams/{team['id']}", {"credits": 8})
        gateway.admin("PATCH", "/teams/installation", {"credits": 100})
        wait_until(lambda: gateway.post(keys[1], chat("a")).status_code == 200)
        assert gateway.post(keys[1], chat("a")).status_code == 429
