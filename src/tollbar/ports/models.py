"""Models of this machine: where they lie, and where they come from."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tollbar.domain.local_models import LocalModel, Progress, PullPlan


class ModelShelf(Protocol):
    """The models that are on this machine."""

    def list(self) -> Sequence[LocalModel]:
        """Every model, by name."""
        ...

    def find(self, name: str) -> LocalModel | None:
        """The model of that name or alias."""
        ...

    def remove(self, name: str) -> LocalModel | None:
        """Takes a model away, with the weights that are ours; None when there was none."""
        ...

    def discard(self, name: str) -> bool:
        """Deletes what a download that ended early left under that name; False when there was nothing."""
        ...


class ModelSource(Protocol):
    """Where models for this machine come from."""

    async def plan(self, name: str, may_be_path: bool) -> PullPlan:
        """What pulling a model of that name would do; nothing is fetched yet.

        `may_be_path` says that whoever asks may name files of this machine. Raises `RequestError` (with `UnknownModel`
        when nobody has it, `Conflict` when the disk has no room or nobody may be asked), or `UpstreamError`.
        """
        ...

    async def fetch(self, plan: PullPlan, tell: Callable[[Progress], None]) -> None:
        """Carries the plan out, telling how far it is; at its return the model is there. Raises as `plan` does.

        It may be cancelled or killed at any point: the next one goes on from there. Two of one model, in whatever
        processes, share one download.
        """
        ...
