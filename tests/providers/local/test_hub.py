"""The hub, and what its refusals mean."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.hub import COMMIT, TOKEN, FakeHub, blob_id
from tests.providers.local.conftest import SwiftClock
from tollbar.domain.errors import (
    Conflict,
    GatewayError,
    UnknownModel,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamMisconfigured,
)
from tollbar.domain.local_models import RemoteFile
from tollbar.providers.local.hub import Hub, HubOptions, read_repository
from tollbar.providers.transport.fetching import Fetcher

pytestmark = pytest.mark.anyio

NAME = "lab/tiny"


@asynccontextmanager
async def asking(server: FakeHub, token: str = "", is_offline: bool = False) -> AsyncIterator[Hub]:
    """Somebody who asks a hub."""
    async with Fetcher() as fetcher:
        yield Hub(fetcher, SwiftClock(), HubOptions(server.endpoint, token, is_offline))


async def test_a_repository_tells_what_it_holds(hub: FakeHub) -> None:
    """Sizes, both kinds of checksum, the exact revision, licence, task and context."""
    hub.add(NAME, {"a.gguf": b"GGUF", "README.md": b"# A"}, licence="mit", task="feature-extraction", context=9)
    async with asking(hub) as asked:
        told = await asked.repository(NAME)
    digest = "42a6b79abd2c89d0a8ad8baecdb34158c5cf51b31d1db15d06a29ca33281eaee"
    assert (told.revision, told.licence, told.task, told.context_tokens) == (COMMIT, "mit", "feature-extraction", 9)
    assert [(file.path, file.size_bytes) for file in told.files] == [("a.gguf", 4), ("README.md", 3)]
    assert len(told.files[0].sha256) == len(digest)
    assert told.files[1] == RemoteFile("README.md", 3, blob_id=blob_id(b"# A"))


async def test_a_file_is_given_from_some_place_on(hub: FakeHub) -> None:
    """Large ones from the storage, small ones from the hub itself, which knows no ranges here."""
    hub.add(NAME, {"a.gguf": b"0123456789", "a.json": b"{}"})
    async with asking(hub) as asked:
        large, small = (await asked.repository(NAME)).files
        async with asked.file(NAME, COMMIT, large, 4) as body:
            assert (body.start, b"".join([piece async for piece in body.pieces])) == (4, b"456789")
        async with asked.file(NAME, COMMIT, small, 1) as body:
            assert (body.start, b"".join([piece async for piece in body.pieces])) == (0, b"{}")
    assert hub.asked("hub")[1].path == f"/{NAME}/resolve/{COMMIT}/a.gguf"


@pytest.mark.parametrize(
    ("change", "token", "kind", "word"),
    [
        ({"is_private": True}, "", UnknownModel, "HF_TOKEN"),
        ({"is_private": True}, "hf_wrong", UpstreamMisconfigured, "token"),
        ({"is_gated": True}, "", UpstreamMisconfigured, "terms"),
    ],
)
async def test_who_may_not_is_told_what_to_do(
    hub: FakeHub, change: dict[str, bool], token: str, kind: type[GatewayError], word: str
) -> None:
    """A private one is as if it were not there; a wrong token is called so; a gated one leads to its page."""
    hub.add(NAME, {"a.gguf": b"GGUF"}, **change)
    async with asking(hub, token) as asked:
        with pytest.raises(kind) as refused:
            async with asked.file(NAME, COMMIT, RemoteFile("a.gguf", 4), 0):
                pass
    assert word in refused.value.text
    assert token not in refused.value.text or not token


async def test_the_right_token_opens(hub: FakeHub) -> None:
    """Both kinds."""
    hub.add(NAME, {"a.gguf": b"GGUF"}, is_private=True, is_gated=True)
    async with asking(hub, TOKEN) as asked:
        assert (await asked.repository(NAME)).name == NAME


async def test_what_is_not_there_is_unknown(hub: FakeHub) -> None:
    """A repository, or a file of one."""
    hub.add(NAME, {"a.gguf": b"GGUF"})
    async with asking(hub) as asked:
        with pytest.raises(UnknownModel, match="lab/other"):
            await asked.repository("lab/other")
        with pytest.raises(UnknownModel, match="no such file"):
            async with asked.file(NAME, COMMIT, RemoteFile("b.gguf", 4), 0):
                pass


@pytest.mark.parametrize(("status", "kind"), [(429, UpstreamBusy), (503, UpstreamBusy), (500, UpstreamFailed)])
async def test_a_hub_in_trouble_may_be_asked_again(hub: FakeHub, status: int, kind: type[UpstreamFailed]) -> None:
    """Its failures are those of any provider, with the wait that it asks for."""
    hub.answers.append(status)
    async with asking(hub) as asked:
        with pytest.raises(kind) as refused:
            await asked.repository(NAME)
    assert (refused.value.is_retryable, refused.value.retry_after_seconds) == (True, 1)


async def test_offline_nobody_is_asked(hub: FakeHub) -> None:
    """Whatever is wanted."""
    async with asking(hub, is_offline=True) as asked:
        with pytest.raises(Conflict, match="HF_HUB_OFFLINE"):
            await asked.repository(NAME)
    assert hub.journal == []


@pytest.mark.parametrize(
    "document", [None, [], {}, {"sha": "x"}, {"sha": 1, "siblings": []}, {"sha": "x", "siblings": [{}] * 10_001}]
)
def test_what_describes_no_repository_is_refused(document: Any) -> None:
    """Another server's document, or one without end."""
    with pytest.raises(ValueError, match="no description"):
        read_repository(NAME, document)


def test_odd_entries_are_passed_over() -> None:
    """A file without a size cannot be fetched; a checksum that is none is none; licences have several places."""
    entries = [
        "odd",
        {"rfilename": "a"},
        {"rfilename": "b", "size": 1, "blobId": "../x"},
        {"rfilename": "c", "size": 2, "lfs": {"sha256": "short", "size": 2}},
    ]
    told = read_repository(NAME, {"sha": "x", "siblings": entries, "tags": [5, "license:mit"], "cardData": None})
    assert told.files == (RemoteFile("b", 1), RemoteFile("c", 2))
    assert (told.licence, told.context_tokens) == ("mit", None)
    card = {"license": "other", "license_name": "gemma"}
    assert read_repository(NAME, {"sha": "x", "siblings": [], "cardData": card}).licence == "gemma"
