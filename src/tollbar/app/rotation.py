"""The rotating key of an installation; of servers and commands alike, so nothing is imported here that only serves."""

from collections.abc import Callable
from datetime import timedelta

from tollbar.admin.keys import Digest
from tollbar.admin.rotating import RotatingKey, Sources
from tollbar.ports.clock import Clock
from tollbar.ports.keys import RotationStore
from tollbar.settings import Settings


def rotating_key(
    settings: Settings,
    store: RotationStore,
    clock: Clock,
    digest: Digest,
    sealing_key: bytes,
    changed: Callable[[], None],
) -> RotatingKey | None:
    """The rotating key, where there is an admin secret to show it; `changed` is called after each replacement."""
    declared = settings.rotating_key
    if declared.admin_secret is None:
        return None
    sources = Sources(
        sealing_key,
        derive_from=declared.admin_secret.reveal() if settings.rotating_key.derived else None,
        grace=timedelta(seconds=settings.rotating_key.grace_seconds),
    )
    return RotatingKey(store, clock, digest, sources, changed)
