"""One file onto the disk, whatever happens on the way."""

import errno
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from tests.hub import blob_id
from tollbar.domain.errors import Conflict, StreamBroken, UpstreamBusy, UpstreamFailed, UpstreamRejected
from tollbar.domain.local_models import Progress, RemoteFile
from tollbar.providers.local.download import LONGEST_WAIT_SECONDS, TRIES, Download, bytes_here, partial_path
from tollbar.providers.local.hub import Body

pytestmark = pytest.mark.anyio

DATA = b"the bytes of a file"
FILE = RemoteFile("sub/a.gguf", len(DATA), sha256=hashlib.sha256(DATA).hexdigest())


@dataclass
class Host:
    """Gives a file out, and fails as the list says: an error in place of an answer, or a number of bytes before one."""

    data: bytes = DATA
    script: list[int | Exception] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    has_ranges: bool = True

    @asynccontextmanager
    async def open(self, start: int) -> AsyncIterator[Body]:
        """The bytes from a place on."""
        self.starts.append(start)
        step = self.script.pop(0) if self.script else len(self.data)
        if isinstance(step, Exception):
            raise step
        place = start if self.has_ranges else 0
        yield Body(place, self._pieces(self.data[place : place + step], place + step < len(self.data)))

    async def _pieces(self, data: bytes, is_cut: bool) -> AsyncIterator[bytes]:
        for byte in data:
            yield bytes([byte])
        if is_cut:
            raise StreamBroken("cut", is_retryable=True)


def download(host: Host, folder: Path, clock: FakeClock | None = None, file: RemoteFile = FILE) -> Download:
    """A download from a host."""
    return Download(file, folder, host.open, clock or FakeClock(), lambda _: None)


async def test_a_file_arrives_under_its_name(tmp_path: Path) -> None:
    """Whole, and nothing beside it; how far it is was told."""
    told: list[Progress] = []
    path = await Download(FILE, tmp_path / "new", Host().open, FakeClock(), told.append).run()
    assert (path, path.read_bytes()) == (tmp_path / "new" / "a.gguf", DATA)
    assert [entry.name for entry in path.parent.iterdir()] == ["a.gguf"]
    assert told[-1].done_bytes == told[-1].total_bytes == len(DATA)


async def test_each_connection_begins_where_the_last_one_broke(tmp_path: Path) -> None:
    """As often as it takes, with a pause that grows only while nothing comes."""
    host, clock = Host(script=[5, 4, 3]), FakeClock()
    await download(host, tmp_path, clock).run()
    assert host.starts == [0, 5, 9, 12]
    assert clock.slept == [1.0, 1.0, 1.0]


async def test_a_host_that_brings_nothing_is_given_up(tmp_path: Path) -> None:
    """After some tries, with growing pauses; what had come stays for the next pull."""
    busy = [UpstreamBusy("busy", is_retryable=True) for _ in range(TRIES)]
    clock = FakeClock()
    with pytest.raises(UpstreamBusy):
        await download(Host(script=[7, *busy]), tmp_path, clock).run()
    assert clock.slept == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert bytes_here(tmp_path, FILE) == 7
    host = Host()
    await download(host, tmp_path).run()
    assert host.starts == [7]


async def test_a_host_that_asks_for_patience_gets_it(tmp_path: Path) -> None:
    """Within reason."""
    waits = [UpstreamBusy("busy", is_retryable=True, retry_after_seconds=seconds) for seconds in (7.0, 9_999.0)]
    clock = FakeClock()
    await download(Host(script=[*waits]), tmp_path, clock).run()
    assert clock.slept == [7.0, LONGEST_WAIT_SECONDS]


async def test_what_another_try_cannot_mend_is_told_at_once(tmp_path: Path) -> None:
    """A refusal is no fault of the line."""
    host = Host(script=[UpstreamRejected("no")])
    with pytest.raises(UpstreamRejected):
        await download(host, tmp_path).run()
    assert host.starts == [0]


async def test_a_host_without_ranges_begins_anew(tmp_path: Path) -> None:
    """Its bytes take the place of what was there."""
    host = Host(script=[6], has_ranges=False)
    path = await download(host, tmp_path).run()
    assert path.read_bytes() == DATA


@pytest.mark.parametrize("data", [DATA[::-1], DATA + b"more"])
async def test_other_bytes_are_refused(tmp_path: Path, data: bytes) -> None:
    """Of the same number or more; nothing of them stays."""
    with pytest.raises(UpstreamFailed, match="what the hub says"):
        await download(Host(data=data), tmp_path).run()
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240


async def test_a_small_file_has_gits_checksum(tmp_path: Path) -> None:
    """Which is held to as well; a file without any is taken by its size."""
    small = RemoteFile("a.json", len(DATA), blob_id=blob_id(DATA))
    assert (await download(Host(), tmp_path, file=small).run()).read_bytes() == DATA
    with pytest.raises(UpstreamFailed):
        await download(Host(data=DATA[::-1]), tmp_path / "b", file=small).run()
    await download(Host(data=DATA[::-1]), tmp_path / "c", file=RemoteFile("a.json", len(DATA))).run()


async def test_a_file_that_is_here_is_not_fetched(tmp_path: Path) -> None:
    """If it is the right one; another of its size is replaced."""
    (tmp_path / "a.gguf").write_bytes(DATA)
    host = Host()
    await download(host, tmp_path).run()
    assert host.starts == []
    (tmp_path / "a.gguf").write_bytes(DATA[::-1])
    assert (await download(host, tmp_path).run()).read_bytes() == DATA


async def test_a_partial_file_that_is_too_long_is_begun_anew(tmp_path: Path) -> None:
    """It cannot be the beginning of this one."""
    partial_path(tmp_path, FILE).write_bytes(DATA * 2)
    host = Host()
    await download(host, tmp_path).run()
    assert host.starts == [0]


def test_partial_files_of_other_bytes_do_not_mix(tmp_path: Path) -> None:
    """Each expected checksum has its own."""
    assert partial_path(tmp_path, FILE) != partial_path(tmp_path, RemoteFile("a.gguf", len(DATA), sha256="0" * 64))
    assert bytes_here(tmp_path, FILE) == 0


@pytest.mark.parametrize(("number", "word"), [(errno.ENOSPC, "is full"), (errno.EACCES, "cannot be written to")])
async def test_a_disk_that_refuses_is_told(tmp_path: Path, number: int, word: str) -> None:
    """By its folder, with what to do."""
    with pytest.raises(Conflict, match=word) as refused:
        await download(Host(script=[OSError(number, "odd")]), tmp_path).run()
    assert str(tmp_path) in refused.value.message
