"""Azure's older addresses: each deployment has one of its own, so each is a provider of its own behind this one."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from tollbar.domain.catalogue import Call
from tollbar.domain.errors import InvalidValue
from tollbar.domain.events import StreamEvent
from tollbar.ports.providers import Provider

MOST_REMEMBERED = 256
_DEPLOYMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Deployments:
    """`ports.Provider`; `make` gives the provider of one deployment, by its name."""

    def __init__(self, make: Callable[[str], Provider]) -> None:
        self._make = make
        self._made: dict[str, Provider] = {}

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer of the deployment that the model's name is; see the port. Raises InvalidValue for no such name."""
        return self._of(call.target.model).open(call)

    async def models(self) -> Sequence[str]:
        """None: deployments are not listed where they are called."""
        return ()

    def _of(self, name: str) -> Provider:
        known = self._made.get(name)
        if known is not None:
            return known
        if not _DEPLOYMENT.fullmatch(name):
            raise InvalidValue(f"{name[:100]!r} cannot be the name of a deployment of Azure's.", field="model")
        if len(self._made) >= MOST_REMEMBERED:  # names come from callers, too
            self._made.clear()
        made = self._made[name] = self._make(name)
        return made
