"""Each database that the store's ports stand on, as the suites of contracts open it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

from tests.postgres import a_store
from tests.storage.making import StepClock, a_directory, estimating, opened, opened_postgres
from tollbar.domain.repeats import Keeping, KeptAnswer, Repeatable
from tollbar.storage.store import Storage


def sqlite(parent: Path, clock: StepClock) -> AbstractAsyncContextManager[Storage]:
    """The embedded store, as one serving process has it."""
    return opened(a_directory(parent), clock)


def postgres(parent: Path, clock: StepClock) -> AbstractAsyncContextManager[Storage]:
    """A Postgres."""
    return opened_postgres(parent / "data", clock, a_store())


async def keep(storage: Storage, call: Repeatable, answer: KeptAnswer, keep_for: timedelta) -> None:
    """Ends a call's turn with its answer, in a settlement of nothing else."""
    held = await storage.ledger.reserve(call.request_id, [], estimating(call.request_id))
    await storage.ledger.settle(held, [], [], Keeping(call, answer, keep_for))


STORES: dict[str, Callable[[Path, StepClock], AbstractAsyncContextManager[Storage]]] = {
    "sqlite": sqlite,
    "postgres": postgres,
}
