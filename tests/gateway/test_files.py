"""Files of keys at providers: whose each is, and what becomes of one that cannot be noted."""

import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest

from tests.making import PRINCIPAL
from tollbar.domain.errors import InvalidValue, NotAllowed, NotFound, Overloaded, UpstreamFailed
from tollbar.domain.files import KeptFile
from tollbar.domain.identity import KeyKind
from tollbar.gateway.files import Files
from tollbar.ports.providers import Delivery

pytestmark = pytest.mark.anyio

NOBODY = replace(PRINCIPAL, kind=KeyKind.ANONYMOUS)
BODY: Any = io.BufferedReader(io.BytesIO(b"form"))


class FakeHouse:
    """A provider that answers everything alike."""

    content_type = "application/json"

    def __init__(self, document: bytes = b'{"id": "file-1"}') -> None:
        self.document = document
        self.asked: list[str] = []

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, body: bytes | io.BufferedReader = b"", content_type: str = ""
    ) -> AsyncIterator[Delivery]:
        """See `ports.Storehouse`."""
        self.asked.append(f"{method} {path}")
        yield self

    async def read(self) -> bytes:
        """See `ports.Delivery`."""
        return self.document

    async def read_chunk(self) -> bytes:
        """See `ports.Delivery`."""
        return b""


class FakeStore:
    """A store in memory."""

    def __init__(self, is_away: bool = False) -> None:
        self.kept: dict[tuple[str, str], KeptFile] = {}
        self.is_away = is_away

    async def add(self, file: KeptFile) -> None:
        """See `ports.FileStore`."""
        if self.is_away:
            raise Overloaded("away")
        self.kept[file.key_id, file.id] = file

    async def find(self, key_id: str, file_id: str) -> KeptFile | None:
        """See `ports.FileStore`."""
        return self.kept.get((key_id, file_id))

    async def is_known(self, file_id: str) -> bool:
        """See `ports.FileStore`."""
        return any(name == file_id for _, name in self.kept)

    async def list(self, key_id: str) -> Sequence[KeptFile]:
        """See `ports.FileStore`."""
        return [file for (key, _), file in self.kept.items() if key == key_id]

    async def remove(self, key_id: str, file_id: str) -> None:
        """See `ports.FileStore`."""
        self.kept.pop((key_id, file_id), None)


async def test_a_file_that_cannot_be_noted_is_taken_back() -> None:
    """Nobody would ever see it again."""
    house = FakeHouse()
    with pytest.raises(Overloaded):
        await Files({"own": house}, "", FakeStore(is_away=True)).add(PRINCIPAL, "own", BODY, "multipart/form-data")
    assert house.asked == ["POST /files", "DELETE /files/file-1"]


@pytest.mark.parametrize("document", [b"", b"[]", b'{"id": 1}', b'{"id": "../x"}', b"\xff"])
async def test_a_file_without_an_id_is_a_failure(document: bytes) -> None:
    """Or with one that would lead elsewhere."""
    with pytest.raises(UpstreamFailed):
        await Files({"own": FakeHouse(document)}, "", FakeStore()).add(PRINCIPAL, "own", BODY, "multipart/form-data")


async def test_callers_without_a_key_have_none() -> None:
    """They are many people; a file of a provider that is gone is gone, too."""
    store = FakeStore()
    files = Files({"own": FakeHouse()}, "own", store)
    with pytest.raises(NotAllowed):
        await files.add(NOBODY, "own", BODY, "multipart/form-data")
    await files.add(PRINCIPAL, "own", BODY, "multipart/form-data")
    assert await files.list(NOBODY) == ()
    with pytest.raises(NotFound):
        await files.find(NOBODY, "file-1")
    with pytest.raises(NotFound):
        await Files({}, "", store).find(PRINCIPAL, "file-1")


@pytest.mark.parametrize(("foreign", "passing"), [(False, {"mine"}), (True, {"mine", "dashboard"})])
async def test_a_call_may_name_its_own_files(foreign: bool, passing: set[str]) -> None:
    """And those of a provider's dashboard where that is set, but never another key's; nor thousands."""
    store = FakeStore()
    for key_id, name in ((PRINCIPAL.key_id, "mine"), ("other", "theirs")):
        await store.add(KeptFile(key_id, name, "own", b"{}"))
    files = Files({"own": FakeHouse()}, "own", store, foreign)
    with pytest.raises(NotFound) if not foreign else nullcontext():
        await files.admit(PRINCIPAL, ("gs://bucket/\0\ud800",))  # which no store is asked for
    for name in ("mine", "theirs", "dashboard"):
        with nullcontext() if name in passing else pytest.raises(NotFound, match=f"This key has no file '{name}'"):
            await files.admit(PRINCIPAL, ("mine", name))
    with pytest.raises(InvalidValue):
        await files.admit(PRINCIPAL, ("mine",) * 1_001)


def test_the_provider_is_the_one_that_is_named_or_the_usual() -> None:
    """Where there is none, the error names those that have files."""
    files = Files({"own": FakeHouse(), "other": FakeHouse()}, "own", FakeStore())
    assert (files.choose(""), files.choose("other")) == ("own", "other")
    for chosen, name in ((files, "lab"), (replace(files, usual=""), "")):
        with pytest.raises(InvalidValue) as fault:
            chosen.choose(name)
        assert "own, other" in fault.value.hint
