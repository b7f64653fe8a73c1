"""How a pull is told: a bar in the terminal, lines of JSON for programs."""

import json
import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tollbar.cli.output import say
from tollbar.domain.local_models import Progress, PullState

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar
    from rich.progress import TaskID

WORDS = {
    PullState.WAITING: "another pull fetches it",
    PullState.CHECKING: "checking what is here",
    PullState.DOWNLOADING: "fetching",
    PullState.DONE: "done",
}
LINE_SECONDS = 0.25
"""How often a line of JSON is written while nothing changes but the number of bytes."""


def size(count: int) -> str:
    """`2.5 GB`, `669 MB`: as hubs and disks count, in thousands."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def tell_json(value: dict[str, object]) -> None:
    """Writes a value as one line of JSON."""
    say(json.dumps(value, ensure_ascii=False))


class JsonLines:
    """A line for each step of a pull: at once when its state changes, else a few times a second."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._state: PullState | None = None
        self._due_at = 0.0

    def tell(self, progress: Progress) -> None:
        """Hears how far the pull is."""
        if progress.state is self._state and monotonic() < self._due_at:
            return
        self._state, self._due_at = progress.state, monotonic() + LINE_SECONDS
        tell_json(
            {
                "state": progress.state.value,
                "model": self._model,
                "done_bytes": progress.done_bytes,
                "total_bytes": progress.total_bytes,
            }
        )


class Bar:
    """A bar on standard error, where that is a terminal; nothing elsewhere. A context, which ends it."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._bar: RichBar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = _rich_bar()
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, progress: Progress) -> None:
        """Hears how far the pull is."""
        if self._bar is None:
            return
        total, word = progress.total_bytes or None, WORDS.get(progress.state, progress.state.value)
        if self._task is None:
            self._task = self._bar.add_task(word, total=total, completed=progress.done_bytes)
        self._bar.update(self._task, description=word, total=total, completed=progress.done_bytes)


def _rich_bar() -> "RichBar":
    if sys.modules.get("rich", sys) is None:
        del sys.modules["rich"]  # which a start forbids, to be quick: here it is wanted
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as RichBar

    return RichBar(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
