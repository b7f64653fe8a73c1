"""Files that callers put at a provider through us: each key has its own, though all share the provider's account.

A file is noted as its key's before the caller is told its id; where that fails, it is taken back. A file of another key
is as unknown as one that never was, and no provider is asked for it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from io import BufferedReader

from tollbar.domain.errors import (
    InvalidValue,
    NotAllowed,
    NotFound,
    Overloaded,
    UpstreamError,
    UpstreamFailed,
    UpstreamRejected,
)
from tollbar.domain.files import KeptFile
from tollbar.domain.identity import KeyKind, Principal
from tollbar.ports.calls import FileStore
from tollbar.ports.providers import Delivery, Storehouse

PATH = "/files"
MOST_NAMED = 1_000
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}")


@dataclass(frozen=True, slots=True)
class Files:
    """The files of every key. `houses` are the providers that have files; `usual` is asked where none is named.

    With `foreign`, calls may name what nobody put there through us.
    """

    houses: Mapping[str, Storehouse]
    usual: str
    store: FileStore
    foreign: bool = False

    def choose(self, name: str) -> str:
        """The provider that a file goes to; raises InvalidValue."""
        chosen = name or self.usual
        if chosen in self.houses:
            return chosen
        known = ", ".join(self.houses) or "none is configured that has files"
        raise InvalidValue(
            f"No provider {name[:100]!r} has files." if name else "Which provider shall have the file?",
            field="provider",
            hint=f"Name one as ?provider=NAME: {known}.",
        )

    async def add(self, principal: Principal, provider: str, body: BufferedReader, content_type: str) -> bytes:
        """Puts a file at a provider; what that says of it. Raises NotAllowed, UpstreamError, Overloaded."""
        if principal.kind is KeyKind.ANONYMOUS:
            raise NotAllowed("Files need a key: without one nobody knows whose they are.")
        async with self.houses[provider].ask("POST", PATH, body, content_type) as answer:
            document = await answer.read()
        file = KeptFile(principal.key_id, _id_in(document), provider, document)
        try:
            await self.store.add(file)
        except Overloaded:
            with suppress(UpstreamError):
                await self._ask("DELETE", file)
            raise
        return document

    async def find(self, principal: Principal, file_id: str) -> KeptFile:
        """A file of that caller's, wherever it is; raises NotFound."""
        file = None
        if principal.kind is not KeyKind.ANONYMOUS and _ID.fullmatch(file_id):
            file = await self.store.find(principal.key_id, file_id)
        if file is None or file.provider not in self.houses:
            raise unknown(file_id)
        return file

    async def admit(self, principal: Principal, named: Sequence[str]) -> None:
        """Lets a call of that caller's pass which names these; raises NotFound, InvalidValue."""
        if len(named) > MOST_NAMED:
            raise InvalidValue(f"The request names more than {MOST_NAMED} files.", details={"max": MOST_NAMED})
        for file_id in named:
            try:
                await self.find(principal, file_id)
            except NotFound:
                if not self.foreign or (_ID.fullmatch(file_id) and await self.store.is_known(file_id)):
                    raise

    async def list(self, principal: Principal) -> Sequence[KeptFile]:
        """Every file of that caller's, the newest first, as it was when it came."""
        return () if principal.kind is KeyKind.ANONYMOUS else await self.store.list(principal.key_id)

    async def get(self, principal: Principal, file_id: str) -> bytes:
        """What the provider says of a file now; raises NotFound, UpstreamError."""
        return await self._ask("GET", await self.find(principal, file_id))

    def content(self, file: KeptFile) -> AbstractAsyncContextManager[Delivery]:
        """What is in a file; entering raises UpstreamError."""
        return self.houses[file.provider].ask("GET", f"{PATH}/{file.id}/content")

    async def remove(self, principal: Principal, file_id: str) -> bytes:
        """Deletes a file at its provider; what that says. Raises NotFound, UpstreamError, Overloaded."""
        file = await self.find(principal, file_id)
        try:
            told = await self._ask("DELETE", file)
        except UpstreamRejected as fault:
            if fault.upstream_status != NotFound.status:
                raise
            told = json.dumps({"id": file.id, "object": "file", "deleted": True}).encode()
        await self.store.remove(principal.key_id, file_id)
        return told

    async def _ask(self, method: str, file: KeptFile) -> bytes:
        async with self.houses[file.provider].ask(method, f"{PATH}/{file.id}") as answer:
            return await answer.read()


def unknown(file_id: str) -> NotFound:
    """That the caller has no such file, whoever else may."""
    hint = "GET /v1/files lists those that it has; the setting 'files.foreign' lets calls name those made elsewhere."
    return NotFound(f"This key has no file {file_id[:100]!r}.", hint=hint)


def _id_in(document: bytes) -> str:
    """The id of a file, by what its provider says of it; raises UpstreamFailed."""
    with suppress(ValueError, RecursionError):
        told = json.loads(document)
        name = told.get("id") if isinstance(told, dict) else None
        if isinstance(name, str) and _ID.fullmatch(name):
            return name
    raise UpstreamFailed("The provider took the file and does not say under which id.")
