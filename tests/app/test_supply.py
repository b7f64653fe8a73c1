"""Where answers come from: what is configured, this machine and the guide, each by the name that targets use."""

from pathlib import Path

import pytest

from tests.app.making import NOTHING, settings_of
from tollbar.app.supply import open_supply
from tollbar.clock import SystemClock
from tollbar.providers.transport import Transport

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", ["lab", "local"])
async def test_every_source_has_its_name(tmp_path: Path, name: str) -> None:
    """A provider that the settings call `local` stands before the engines of this machine."""
    yaml = f"providers: {{{name}: {{wire: openai, base_url: 'http://{NOTHING}/v1'}}}}\nmodels: {{a: {name}/a}}\n"
    clock = SystemClock()
    async with Transport(clock, None, None) as transport:
        async with open_supply(settings_of(tmp_path, yaml), transport, clock) as supply:
            assert set(supply.providers) == {name, "local", "tollbar"}
            assert (supply.providers["local"] is supply.engines.provider) == (name != "local")
            assert supply.providers["tollbar"] is supply.guide
            assert {"a", "tollbar-guide"} <= {model.name for model in supply.stock.offer.listed}
