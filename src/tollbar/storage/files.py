"""Whose the files are that lie at providers."""

from collections.abc import Sequence

from tollbar.domain.files import KeptFile
from tollbar.ports.clock import Clock
from tollbar.storage.journal import Journal
from tollbar.storage.reader import Reader
from tollbar.storage.statements import FileSql
from tollbar.storage.times import microseconds


class StoredFiles:
    """`ports.FileStore` over the store."""

    def __init__(self, journal: Journal, reader: Reader, sql: FileSql, clock: Clock) -> None:
        self._journal = journal
        self._reader = reader
        self._sql = sql
        self._clock = clock

    async def add(self, file: KeptFile) -> None:
        """See `ports.FileStore`."""
        row = {**file._asdict(), "at": microseconds(self._clock.now())}
        await self._journal.run(lambda connection: connection.execute(self._sql.add, row).rowcount)

    async def find(self, key_id: str, file_id: str) -> KeptFile | None:
        """See `ports.FileStore`."""
        named = {"key_id": key_id, "id": file_id}
        row = await self._reader.run(lambda connection: connection.execute(self._sql.find, named).fetchone())
        return None if row is None else _file(row)

    async def is_known(self, file_id: str) -> bool:
        """See `ports.FileStore`."""
        named = {"id": file_id}
        return (
            await self._reader.run(lambda connection: connection.execute(self._sql.known, named).fetchone()) is not None
        )

    async def list(self, key_id: str) -> Sequence[KeptFile]:
        """See `ports.FileStore`."""
        named = {"key_id": key_id}
        return [_file(row) for row in await self._reader.run(lambda c: list(c.execute(self._sql.all, named)))]

    async def remove(self, key_id: str, file_id: str) -> None:
        """See `ports.FileStore`."""
        named = {"key_id": key_id, "id": file_id}
        await self._journal.run(lambda connection: connection.execute(self._sql.remove, named).rowcount)


def _file(row: tuple) -> KeptFile:
    key_id, name, provider, document = row
    return KeptFile(key_id, name, provider, bytes(document))
