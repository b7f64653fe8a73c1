"""The rotating key as the settings have it."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.app.making import settings_of
from tests.storage.making import StepClock, a_directory, opened
from tollbar.app.rotation import rotating_key
from tollbar.settings import SettingsError

pytestmark = pytest.mark.anyio

STRONG = "cB7nq0Lw2Zx8Vb3Nm6Yc"


@pytest.mark.parametrize("yaml", ["", "rotating_key: {derived: true}\n", "rotating_key: {grace_seconds: 3600}\n"])
async def test_there_is_one_where_there_is_an_admin_secret(tmp_path: Path, yaml: str) -> None:
    """In the form that they say."""
    clock = StepClock()
    async with opened(a_directory(tmp_path), clock) as storage:
        without = settings_of(tmp_path, yaml)
        assert rotating_key(without, storage.rotation, clock, str.encode, b"k" * 32, lambda: None) is None
        settings = settings_of(tmp_path, yaml, ADMIN_SECRET=STRONG)
        made = rotating_key(settings, storage.rotation, clock, str.encode, b"k" * 32, lambda: None)
        assert made is not None
        shown = await made.current()
        (key,) = await storage.keys.list()
    is_derived, grace = "derived" in yaml, timedelta(hours="grace" in yaml)
    assert (shown.expires_at == clock.now() + timedelta(days=7)) is not is_derived
    assert key.expires_at == shown.expires_at + grace


def test_a_secret_that_keys_are_derived_from_must_be_hard_to_guess(tmp_path: Path) -> None:
    """Whoever has one of the keys could else try secrets at leisure."""
    with pytest.raises(SettingsError, match="keys are derived from it"):
        settings_of(tmp_path, "rotating_key: {derived: true}\n", ADMIN_SECRET="open sesame")
    settings_of(tmp_path, ADMIN_SECRET="open sesame")
