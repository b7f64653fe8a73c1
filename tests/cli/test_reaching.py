"""Calls to configured models, each of which can fail in its way."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.making import settings_of
from tests.journeys.stand import provider
from tests.providers.local.making import shelve
from tests.upstream import FakeUpstream
from tests.upstream_scripts import error
from tollbar.cli.reaching import AT_ONCE, Finding, Reach, reach
from tollbar.clock import SystemClock

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def up() -> Iterator[FakeUpstream]:
    """A provider that misbehaves by the model's name."""
    with provider() as up:
        yield up


async def find(up: FakeUpstream, tmp_path: Path, *models: str, seconds: float = 5.0) -> list[Finding]:
    """What is found of these models of the provider."""
    listed = ", ".join(f"m{number}: 'lab/{model}'" for number, model in enumerate(models))
    yaml = f"providers: {{lab: {{wire: openai, base_url: '{up.url}', api_key: sk-lab}}}}\nmodels: {{{listed}}}\n"
    found = await reach(settings_of(tmp_path, yaml), seconds)
    return [one for one in found if one.model != "tollbar-guide"]


async def test_it_is_a_call_of_a_few_tokens(up: FakeUpstream, tmp_path: Path) -> None:
    """With the provider's key, bounded, not streamed."""
    (found,) = await find(up, tmp_path, "ok")
    assert (found.is_ok, found.fault, found.remedy) == (True, "", "")
    entry = up.journal[-1]
    assert (entry.json["model"], entry.json["max_tokens"], entry.json.get("stream")) == ("ok", 16, None)
    assert entry.headers["authorization"] == "Bearer sk-lab"


@pytest.mark.parametrize(
    ("model", "fault", "remedy"),
    [
        ("error-401", "refuses the credentials", "providers.lab.api_key"),
        ("error-429", "limits the rate", "later"),
        ("error-500", "HTTP 500", "base_url"),
        ("html", "", "base_url"),
        ("close", "", "base_url"),
    ],
)
async def test_what_failed_is_told_with_its_remedy(
    up: FakeUpstream, tmp_path: Path, model: str, fault: str, remedy: str
) -> None:
    """In the provider's name, with the setting to look at; never with the key."""
    (found,) = await find(up, tmp_path, model)
    assert found.is_ok is False
    assert fault in found.fault != ""
    assert remedy in found.remedy
    assert "sk-lab" not in found.fault + found.remedy


async def test_silence_is_bounded(up: FakeUpstream, tmp_path: Path) -> None:
    """All of them together take no longer than one."""
    began = time.monotonic()
    found = await find(up, tmp_path, "stall", "stall-headers", "ok", seconds=0.5)
    assert time.monotonic() - began < 4.0
    assert [one.is_ok for one in found] == [False, False, True]
    assert found[0].fault == "did not answer within 0.5 s"


async def test_a_name_that_the_provider_does_not_know_is_put_right(up: FakeUpstream, tmp_path: Path) -> None:
    """With those that it lists."""
    up.plan(error(404, "The model does not exist.", "model_not_found"))
    (found,) = await find(up, tmp_path, "fake-11")
    assert found.fault == "The model does not exist."
    assert found.remedy == "The provider does not list fake-11; it lists fake-1, fake-2."


async def test_a_model_that_wants_the_other_bound_gets_it(up: FakeUpstream, tmp_path: Path) -> None:
    """As OpenAI's newer ones do."""
    up.plan(error(400, "Unsupported parameter: 'max_tokens'.", "unsupported_parameter"))
    (found,) = await find(up, tmp_path, "ok")
    assert found.is_ok
    assert up.journal[-1].json["max_completion_tokens"] == 16


class Counting:
    """A provider that notes how many are there at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def models(self) -> tuple[str, ...]:
        """Nothing, after a moment."""
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.02)
        self.now -= 1
        return ()


async def test_a_few_at_a_time() -> None:
    """However many there are."""
    counting = Counting()
    names = [f"p{number}" for number in range(40)]
    found = await Reach(dict.fromkeys(names, counting), SystemClock(), 5.0).findings([], names)  # type: ignore[arg-type]
    assert (counting.most, len(found)) == (AT_ONCE, 40)


async def test_what_was_pulled_is_loaded_and_asked(tmp_path: Path) -> None:
    """By its engine, which is gone afterwards; a model that makes vectors is left out."""
    shelve(tmp_path / "data" / "models")
    shelve(tmp_path / "data" / "models", "vectors", kind="embedding")
    found = {finding.model: finding for finding in await reach(settings_of(tmp_path), 20.0)}
    assert (found["tiny"].target, found["tiny"].is_ok) == ("local/tiny", True)
    assert "vectors" not in found
