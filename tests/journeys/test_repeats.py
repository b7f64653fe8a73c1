"""Calls sent again under one `Idempotency-Key`, over real sockets: across workers, and across a kill."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.journeys.bodies import chat
from tests.journeys.stand import ADMIN_KEY, LAB_KEY, started
from tests.upstream import FakeUpstream

NAMED = {"idempotency-key": "order 66"}
CROWD = 50


def test_a_crowd_over_two_workers_is_one_call(tmp_path: Path, up: FakeUpstream) -> None:
    """Fifty at once: the provider sees one, one credit is spent, and after a kill the answer is still given."""
    variables = {"TOLLBAR_ADMIN_KEY": ADMIN_KEY, "LAB_KEY": LAB_KEY, "TOLLBAR_WORKERS": "2"}
    body = chat("lab/slow-headers:300", stream=True)
    before = len(up.journal)
    with started(tmp_path, up, environment=variables) as gateway:
        key = gateway.make_key("crowd", credits=10)
        with ThreadPoolExecutor(CROWD) as pool:
            told = list(pool.map(lambda _: gateway.post(key, body, headers=NAMED), range(CROWD)))
        answered = [answer for answer in told if answer.status_code == 200]
        refused = [answer for answer in told if answer.status_code != 200]
        assert {answer.content for answer in answered} == {answered[0].content}
        assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} <= {(409, "1")}
        assert len([answer for answer in answered if "x-tollbar-replayed" not in answer.headers]) == 1
        assert gateway.settled(key)["spent"] == 1
        gateway.kill()
    with started(tmp_path, up, environment=variables) as gateway:
        again = gateway.post(key, body, headers=NAMED)
        assert (again.status_code, again.content) == (200, answered[0].content)
        assert again.headers["x-tollbar-replayed"]
        assert gateway.post(key, {**body, "stream": False}, headers=NAMED).status_code == 409
        assert gateway.settled(key)["spent"] == 1
    assert len(up.journal) - before == 1
