"""Whether we live, whether new calls are welcome, and the metrics."""

import pytest

from tests.edge.stage import ADMIN_KEY, a_stage, bearer

pytestmark = pytest.mark.anyio


async def test_liveness_tells_what_is_known() -> None:
    """Version, how long, and what the services already know; the same under both names."""
    stage = await a_stage()
    stage.status = lambda: {"store": "ok", "calls": 3}
    stage.scene.clock.advance(86.4)
    for path in ("/health", "/healthz"):
        answer = await stage.ask("GET", path)
        expected = {"status": "ok", "version": "1.2.3", "uptime_seconds": 86.4, "store": "ok", "calls": 3}
        assert (answer.status, answer.json()) == (200, expected)
        assert answer.header("cache-control") == "no-store"


async def test_liveness_asks_nobody() -> None:
    """Neither key store nor provider nor counters, and it stays well while readiness is gone."""
    stage = await a_stage()
    stage.is_ready = False
    assert (await stage.ask("GET", "/health")).status == 200
    assert stage.scene.keys.finds == 0
    assert stage.scene.main.calls == []


async def test_readiness_ends_with_its_reasons() -> None:
    """503 in the shape of every error, with the reasons for people and what is known for programs."""
    stage = await a_stage()
    assert (await stage.ask("GET", "/health/ready")).json()["status"] == "ready"
    stage.is_ready = False
    stage.status = lambda: {"reasons": ["draining", "store away"], "calls": 2}
    answer = await stage.ask("GET", "/health/ready")
    assert (answer.status, answer.error["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert answer.error["message"] == "Tollbar takes no new calls: draining, store away."
    assert answer.error["details"]["calls"] == 2
    assert answer.header("retry-after") == "1"


async def test_readiness_without_reasons_is_still_a_sentence() -> None:
    """Nothing is made up."""
    stage = await a_stage()
    stage.is_ready = False
    assert (await stage.ask("GET", "/health/ready")).error["message"] == "Tollbar takes no new calls."


async def test_probes_by_head_are_answered() -> None:
    """Some monitors ask for the head alone."""
    stage = await a_stage()
    assert (await stage.ask("HEAD", "/health")).status == 200
    assert (await stage.ask("HEAD", "/health/ready")).status == 200


async def test_metrics_are_in_prometheus_text_format() -> None:
    """As the services render them, with the type that scrapers expect."""
    stage = await a_stage()
    answer = await stage.ask("GET", "/metrics", bearer(ADMIN_KEY))
    assert (answer.status, answer.body) == (200, b"# EOF\n")
    assert answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
