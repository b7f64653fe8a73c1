"""How alerts are told."""

from datetime import UTC, datetime

from tollbar.domain.alerts import Standing, Webhook, alert_of
from tollbar.domain.identity import Holder, Reset
from tollbar.domain.money import Unit
from tollbar.edge.alert_schemas import AlertList

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def test_an_alert_is_told_without_a_secret() -> None:
    """With its state and what it said; thresholds beside it."""
    standing = Standing(1, "k", "ana", Holder.KEY, Unit.CREDITS, 10, 8, Reset.NEVER, NOW, None, None)
    told = AlertList.of(
        Webhook("https://a", "whsec_x"), (80,), [("k", Unit.CREDITS, (80,))], [alert_of(standing, 80, NOW)]
    )
    assert (told.webhook, told.usual, told.data[0].state) == ("https://a", [80], "waiting")
    assert told.data[0].data["spent"] == "8"
    assert "whsec_x" not in told.model_dump_json()
