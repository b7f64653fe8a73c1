"""Each database that the store's ports stand on, as the suites of contracts open it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.postgres import a_store
from tests.storage.making import StepClock, a_directory, opened, opened_postgres
from tollbar.storage.store import Storage


def sqlite(parent: Path, clock: StepClock) -> AbstractAsyncContextManager[Storage]:
    """The embedded store, as one serving process has it."""
    return opened(a_directory(parent), clock)


def postgres(parent: Path, clock: StepClock) -> AbstractAsyncContextManager[Storage]:
    """A Postgres."""
    return opened_postgres(parent / "data", clock, a_store())


STORES: dict[str, Callable[[Path, StepClock], AbstractAsyncContextManager[Storage]]] = {
    "sqlite": sqlite,
    "postgres": postgres,
}
