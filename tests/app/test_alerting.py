"""Alerts as the settings have them."""

from pathlib import Path

import pytest

from tests.admin.alerting import MemoryAlertStore
from tests.app.making import settings_of
from tests.fakes import FakeClock
from tests.settings.test_alerts import SECRET
from tollbar.app.alerting import open_alerts
from tollbar.domain.identity import Holder

pytestmark = pytest.mark.anyio


async def test_the_files_webhook_and_thresholds_hold(tmp_path: Path) -> None:
    """Without one it is that of the store, which has none here."""
    store = MemoryAlertStore()
    async with open_alerts(settings_of(tmp_path), store, FakeClock(), b"k" * 32) as alerts:
        assert (await alerts.hook(), alerts.usual) == (None, ())
    named = "keys: {ana: 50}, teams: {lab: [], installation: [90]}"
    text = f"alerts: {{at: [80, 100], {named}, url: 'https://hooks.example/x', secret: '{SECRET}'}}\n"
    async with open_alerts(settings_of(tmp_path, text), store, FakeClock(), b"k" * 32) as alerts:
        hook = await alerts.hook()
        assert (hook and hook.secret, alerts.usual) == (SECRET, (80, 100))
        holders = (Holder.KEY, "ana", (50,)), (Holder.TEAM, "lab", ()), (Holder.INSTALLATION, "installation", (90,))
        assert alerts.declared == [*holders]
