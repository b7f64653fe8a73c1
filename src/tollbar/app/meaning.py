"""The guide that finds by meaning as well, once a model for vectors was pulled: what it asks, and when it learns."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from tollbar.app.rounds import Rounds
from tollbar.domain.catalogue import Call, Target, Timeouts
from tollbar.domain.errors import UpstreamTimeout
from tollbar.domain.events import Frames
from tollbar.domain.local_models import LocalModel
from tollbar.ports.clock import Clock
from tollbar.providers.guide import GuideProvider
from tollbar.providers.guide.meaning import Meaning
from tollbar.providers.guide.provider import packaged_index
from tollbar.providers.local.fleet import Fleet
from tollbar.providers.local.lockfile import LockFile
from tollbar.providers.local.provider import NAME, LocalProvider
from tollbar.settings import Settings
from tollbar.wire import embeddings
from tollbar.wire.dialect import Incoming

FOLDER = "guide"
LOOK_SECONDS = 1.0
AGAIN_SECONDS = 300.0
"""How long after a failure it is tried again."""


class PulledEmbedder:
    """The first of the models for vectors that were pulled; its engine is started, queued for and unloaded as any."""

    def __init__(self, fleet: Fleet, provider: LocalProvider, clock: Clock) -> None:
        self._fleet = fleet
        self._provider = provider
        self._clock = clock

    @property
    def model(self) -> str:
        """What tells the model from all others; empty while there is none."""
        model = self._model()
        return f"{model.sha256 or model.path} {model.size_bytes}" if model else ""

    async def embed(self, texts: Sequence[str], patience: float) -> Sequence[Sequence[float]]:
        """A vector for each text; raises UpstreamError."""
        model = self._model()
        if model is None:
            raise UpstreamTimeout("The model for vectors is gone.")
        body = json.dumps({"model": model.name, "input": list(texts)}).encode()
        timeouts = Timeouts(first_byte_plain=patience, total=patience)
        target = Target(NAME, model.name, is_local=True, timeouts=timeouts)
        deadline = self._clock.monotonic() + patience
        call = Call(embeddings.OPENAI.decode(Incoming(body)), target, deadline, "guide", caller="guide")
        async with self._provider.open(call) as events:
            raw = b"".join([event.raw async for event in events if isinstance(event, Frames)])
        return embeddings.hear_openai(raw, len(texts)).values

    def _model(self) -> LocalModel | None:
        models = self._fleet.models.values()
        return next((model for model in models if model.kind == "embedding" and model.format == "gguf"), None)


def meaningful_guide(settings: Settings, fleet: Fleet, provider: LocalProvider, clock: Clock) -> GuideProvider:
    """The guide, which knows of meanings as soon as it has learnt them."""
    embedder = PulledEmbedder(fleet, provider, clock)
    return GuideProvider(packaged_index, Meaning(embedder, settings.data / FOLDER))


async def learning(guide: GuideProvider, data: Path, rounds: Rounds) -> None:
    """Has the guide learn when there is a model to learn by; of several workers one does, and the others read it."""

    async def learn() -> None:
        with LockFile(data / FOLDER / ".lock") as lock:
            while guide.is_due and not await asyncio.to_thread(lock.take):
                await rounds.clock.sleep(LOOK_SECONDS)
            is_well = await guide.learn()
        if not is_well:
            await rounds.clock.sleep(AGAIN_SECONDS)

    await rounds.every(LOOK_SECONDS, learn)
