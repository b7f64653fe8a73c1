"""Which providers keep something for callers, and which of them is the usual one."""

from datetime import date
from pathlib import Path

import pytest

from tests.app.making import settings_of
from tests.storage.making import StepClock, a_directory, opened
from tollbar.app.catalogue import offer
from tollbar.app.keeping import kept
from tollbar.clock import SystemClock
from tollbar.providers import vendors
from tollbar.providers.prices import Prices
from tollbar.providers.transport import Transport

pytestmark = pytest.mark.anyio

LAB = "lab: {wire: openai, also: [files], base_url: 'http://127.0.0.1:1/v1'}"
OWN = "own: {wire: responses, also: [files], base_url: 'http://127.0.0.1:1/v1'}"


@pytest.mark.parametrize(
    ("yaml", "has_files", "usual", "keeping"),
    [
        ("", False, "", []),
        (f"providers: {{{LAB}}}", True, "lab", []),
        (f"providers: {{{LAB}, {OWN}}}", True, "", ["own"]),
        (f"providers: {{{LAB}, {OWN}}}\ndefault_model: own/x", True, "own", ["own"]),
        (f"providers: {{{LAB}, {OWN}}}\nmodels: {{a: lab/x}}\ndefault_model: a", True, "lab", ["own"]),
    ],
)
async def test_the_usual_provider_is_that_of_the_default_model(
    tmp_path: Path, yaml: str, has_files: bool, usual: str, keeping: list[str]
) -> None:
    """Or the only one that has files; where none has, there are none."""
    settings = settings_of(tmp_path, yaml)
    made = offer(settings, vendors.load(), (), Prices(lambda: date(2026, 11, 20)))
    async with opened(a_directory(tmp_path), StepClock()) as storage, Transport(SystemClock()) as transport:
        responses, found = kept(settings, storage, made, transport)
    assert (bool(found.houses), found.usual) == (has_files, usual)
    assert responses is not None
    assert sorted(responses.houses) == keeping
