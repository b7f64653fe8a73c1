"""The upstreams of settings: a provider for each name that targets use."""

from datetime import date
from pathlib import Path

import pytest

from tests.app.making import NOTHING, settings_of
from tollbar.app.upstreams import open_upstreams
from tollbar.clock import SystemClock
from tollbar.providers.guide import GuideProvider
from tollbar.providers.prices import Prices
from tollbar.providers.transport import Transport

pytestmark = pytest.mark.anyio


async def test_every_target_has_its_provider(tmp_path: Path) -> None:
    """Those of the file, and the guide, which is always there."""
    yaml = f"providers: {{lab: {{wire: openai, base_url: 'http://{NOTHING}/v1'}}}}\nmodels: {{a: lab/a}}\n"
    settings, clock = settings_of(tmp_path, yaml), SystemClock()
    async with Transport(clock, None, None) as transport:
        servers, made, providers = await open_upstreams(settings, transport, Prices(lambda: date(2026, 11, 20)), clock)
    assert servers == ()
    assert isinstance(providers["tollbar"], GuideProvider)
    assert {target.provider for model in made.listed for target in model.targets} == set(providers)
