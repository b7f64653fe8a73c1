"""Doubles of where models come from and where they stand, which keep the promises of their ports."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tollbar.domain.errors import GatewayError
from tollbar.domain.local_models import LocalModel, Progress, PullPlan, PullState

MODEL = LocalModel("tiny", "chat", "gguf", Path("tiny.gguf"), 100, 512, "lab/tiny", "tiny.gguf", "0" * 64, "mit")


@dataclass
class FakeSource:
    """A source whose downloads the test carries out. It promises what `ModelSource` does."""

    is_here: bool = False
    refusal: GatewayError | None = None
    fault: Exception | None = None
    paths: list[bool] = field(default_factory=list)
    fetched: int = 0
    tell: Callable[[Progress], None] = lambda progress: None
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def plan(self, name: str, may_be_path: bool) -> PullPlan:
        self.paths.append(may_be_path)
        if self.refusal is not None:
            raise self.refusal
        return PullPlan(
            name, f"lab/{name}", "hub", size_bytes=100, missing_bytes=0 if self.is_here else 60, is_here=self.is_here
        )

    async def fetch(self, plan: PullPlan, tell: Callable[[Progress], None]) -> None:
        self.fetched += 1
        self.tell = tell
        await self.go_on.wait()
        if self.fault is not None:
            raise self.fault
        tell(Progress(PullState.DONE, 100, 100))


@dataclass
class FakeShelf:
    """A shelf in memory."""

    models: list[LocalModel] = field(default_factory=list)
    left: set[str] = field(default_factory=set)

    def list(self) -> Sequence[LocalModel]:
        return self.models

    def find(self, name: str) -> LocalModel | None:
        return next((model for model in self.models if model.name == name), None)

    def remove(self, name: str) -> LocalModel | None:
        model = self.find(name)
        if model is not None:
            self.models.remove(model)
        return model

    def discard(self, name: str) -> bool:
        found = name in self.left
        self.left.discard(name)
        return found
