"""Pulling models onto this machine, listing and removing them: what the CLI, the admin API and the dashboard share.

A pull belongs to the process and not to whoever asked for it: who leaves may come back and watch on. At most one for
each model; a second wish for the same gets the first. What was pulled last is remembered, so that its end can be seen.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tollbar.domain.errors import GatewayError, InternalError, NotFound
from tollbar.domain.local_models import LocalModel, Progress, PullFault, PullNote, PullPlan, PullState
from tollbar.ports.clock import Clock
from tollbar.ports.models import ModelShelf, ModelSource

MOST_REMEMBERED = 50
LOOK_SECONDS = 0.25
"""How often a watcher is told of progress."""
SILENT_SECONDS = 10.0
"""How long a watcher hears nothing where nothing goes on, so that whatever lies between does not give the line up."""

Spawn = Callable[[Coroutine[None, None, None]], "asyncio.Task[None]"]


@dataclass(slots=True)
class Pull:
    """A pull, as far as it is. `fault` is why it failed."""

    id: str
    plan: PullPlan
    progress: Progress
    began_at: datetime
    fault: PullFault | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.progress.state in {PullState.DONE, PullState.FAILED, PullState.CANCELLED}

    def end(self, state: PullState) -> None:
        """It is over, as far as it is."""
        self.progress = Progress(state, self.progress.done_bytes, self.progress.total_bytes)

    def note(self) -> PullNote:
        """What others are told of it."""
        return PullNote(self.id, self.plan, self.progress, self.began_at, self.fault)


class PullBoard(Protocol):
    """Where the processes of a server tell each other of their pulls."""

    def put(self, notes: Sequence[PullNote]) -> None:
        """These are the pulls of this process. Never fails: who cannot be told is not told."""
        ...

    def others(self) -> Sequence[PullNote]:
        """The pulls of the other processes that live."""
        ...

    def wish_end(self, pull_id: str) -> None:
        """That pull of another process is not wanted any more."""
        ...

    def take_wish(self, pull_id: str) -> bool:
        """Whether that was wished of a pull; afterwards it is not any more."""
        ...


class Pulls:
    """The pulls of this process, and those of the others on the `board` to look at.

    `spawn` starts a task that ends with the process.
    """

    def __init__(
        self, source: ModelSource, shelf: ModelShelf, clock: Clock, spawn: Spawn, board: PullBoard | None = None
    ) -> None:
        self._board = board
        self._told_at = 0.0
        self._source = source
        self._shelf = shelf
        self._clock = clock
        self._spawn = spawn
        self._pulls: dict[str, Pull] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def shelf(self) -> ModelShelf:
        """The models that are here."""
        return self._shelf

    def list(self) -> Sequence[Pull]:
        """The pulls under way and the last ones that ended, newest first."""
        found = [*self._others(), *self._pulls.values()]
        found.sort(key=lambda pull: pull.began_at)
        return tuple(reversed(found))

    def get(self, pull_id: str) -> Pull:
        """One of them; raises NotFound."""
        pull = self._pulls.get(pull_id) or next((each for each in self._others() if each.id == pull_id), None)
        if pull is None:
            raise NotFound("There is no such pull.", hint="GET /admin/api/models lists them.")
        return pull

    async def start(self, name: str) -> Pull:
        """A pull of that model, which goes on by itself; one that is under way already if there is. Raises as `plan`.

        Paths are not taken: a caller from elsewhere must not learn what is on this disk.
        """
        plan = await self._source.plan(name, may_be_path=False)
        for pull in (*self._pulls.values(), *self._others()):
            if pull.plan.name == plan.name and not pull.is_over:
                return pull
        done = plan.size_bytes - plan.missing_bytes
        state = PullState.DONE if plan.is_here else PullState.DOWNLOADING
        pull = Pull(f"pull_{secrets.token_hex(8)}", plan, Progress(state, done, plan.size_bytes), self._clock.now())
        self._pulls[pull.id] = pull
        self._forget()
        self._tell()
        if not plan.is_here:
            task = self._tasks[pull.id] = self._spawn(self._run(pull))
            task.add_done_callback(lambda _: self._tasks.pop(pull.id))
        return pull

    async def cancel(self, pull_id: str) -> Pull:
        """Ends a pull, whichever process it belongs to, and returns when it has ended; one that is over stays as it is.

        What has come stays, and the next pull goes on from there. Raises NotFound.
        """
        pull = self.get(pull_id)
        if pull.id in self._tasks:
            self._end(pull)
        elif self._board is not None and not pull.is_over:
            self._board.wish_end(pull.id)
        async for seen in self.watch(pull):
            pull = seen
        if self._board is not None:
            self._board.take_wish(pull.id)  # it may have ended by itself
        return pull

    async def watch(self, pull: Pull, is_wanted: Callable[[], bool] = lambda: True) -> AsyncIterator[Pull]:
        """A pull each time that it has gone on, and now and then otherwise, to its end or as long as that is wanted."""
        told: Progress | None = None
        told_at = self._clock.monotonic()
        while is_wanted():
            pull = self._now(pull)
            if pull.progress != told or self._clock.monotonic() - told_at >= SILENT_SECONDS:
                told, told_at = pull.progress, self._clock.monotonic()
                yield pull
            if told is not None and pull.is_over and told == pull.progress:
                return
            await self._clock.sleep(LOOK_SECONDS)

    def close(self) -> None:
        """Ends what is under way; the next pull of it goes on from there."""
        for task in list(self._tasks.values()):
            task.cancel()

    def _end(self, pull: Pull) -> None:
        """Has a pull of this process end."""

        def note_end(task: "asyncio.Task[None]") -> None:
            if task.cancelled():
                pull.end(PullState.CANCELLED)
                self._tell()

        self._tasks[pull.id].add_done_callback(note_end)
        self._tasks[pull.id].cancel()

    async def _heed(self, pull: Pull, board: PullBoard) -> None:
        """Ends a pull as soon as that is wished in another process."""
        while not board.take_wish(pull.id):
            await self._clock.sleep(LOOK_SECONDS)
        self._end(pull)

    async def _run(self, pull: Pull) -> None:
        def tell(progress: Progress) -> None:
            is_news = pull.progress.state is not progress.state
            pull.progress = progress
            if is_news or self._clock.monotonic() >= self._told_at + LOOK_SECONDS:
                self._tell()

        heeding = self._spawn(self._heed(pull, self._board)) if self._board is not None else None
        try:
            await self._source.fetch(pull.plan, tell)
        except GatewayError as fault:
            pull.fault = _told(fault)
        except (OSError, ValueError) as fault:
            pull.fault = _told(InternalError(f"The model could not be stored: {fault}."))
        finally:
            if heeding is not None:
                heeding.cancel()
        if pull.fault is not None:
            pull.end(PullState.FAILED)
        self._tell()

    def _tell(self) -> None:
        """Has the other processes know how far the pulls are."""
        if self._board is not None:
            self._told_at = self._clock.monotonic()
            self._board.put([pull.note() for pull in self._pulls.values()])

    def _others(self) -> Sequence[Pull]:
        """The pulls of the other processes, as they are at this moment."""
        return [_noted(note) for note in self._board.others()] if self._board is not None else ()

    def _now(self, pull: Pull) -> Pull:
        """A pull as it is now, whoever's it is; one whose process is gone has failed."""
        if pull.id in self._pulls or pull.is_over:
            return pull
        try:
            return self.get(pull.id)
        except NotFound:
            fault = _told(InternalError("The process that pulled it has ended.", hint="Pull again: it goes on."))
            pull = Pull(pull.id, pull.plan, pull.progress, pull.began_at, fault)
            pull.end(PullState.FAILED)
            return pull

    def _forget(self) -> None:
        over = [pull.id for pull in self._pulls.values() if pull.is_over]
        for pull_id in over[: max(0, len(self._pulls) - MOST_REMEMBERED)]:
            del self._pulls[pull_id]


def _noted(note: PullNote) -> Pull:
    return Pull(note.id, note.plan, note.progress, note.began_at, note.fault)


def _told(fault: GatewayError) -> PullFault:
    return PullFault(fault.code, fault.message, fault.hint)


def remove_model(shelf: ModelShelf, name: str) -> LocalModel | None:
    """Takes a model off this machine, or what an unfinished pull left of it (then None); raises NotFound."""
    if (model := shelf.remove(name)) is not None or shelf.discard(name):
        return model
    here = ", ".join(model.name for model in shelf.list())
    hint = f"Here are: {here}." if here else "None was pulled yet."
    raise NotFound(f"No model called {name[:100]!r} is on this machine.", hint=hint)
