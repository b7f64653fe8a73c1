"""Pulling models from the hub, from a path, through whatever happens on the way."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from tests.hub import TOKEN, FakeHub
from tests.providers.local.conftest import SwiftClock, pulling
from tests.providers.local.models import write_model
from tollbar.domain.errors import (
    Conflict,
    InvalidValue,
    UnknownModel,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamMisconfigured,
)
from tollbar.domain.local_models import LocalModel, Progress, PullState
from tollbar.providers.local.hub import HubOptions
from tollbar.providers.local.names import parse
from tollbar.providers.local.shelf import Shelf

pytestmark = pytest.mark.anyio

REPOSITORY = "lab/tiny-GGUF"
FILE = "tiny.Q4_K_M.gguf"
NAME = "tiny.q4_k_m"


def nothing(progress: Progress) -> None:
    """Hears nothing."""


@pytest.fixture
def stocked(hub: FakeHub, weights: bytes) -> FakeHub:
    """A hub that has the model."""
    hub.add(REPOSITORY, {FILE: weights, "README.md": b"# Tiny"}, licence="mit", context=512)
    return hub


async def pull(folder: Path, hub: FakeHub, name: str = REPOSITORY, **more: object) -> list[Progress]:
    """Pull a model, and return what was told on the way."""
    told: list[Progress] = []
    async with pulling(folder, HubOptions(hub.endpoint), **more) as source:  # type: ignore[arg-type]
        await source.fetch(await source.plan(name, may_be_path=True), told.append)
    return told


def leftovers(folder: Path) -> list[str]:
    """The partial files under a folder."""
    return [path.name for path in folder.rglob("*.partial")]


async def test_a_model_is_pulled(stocked: FakeHub, tmp_path: Path, weights: bytes) -> None:
    """What the hub has is on the shelf afterwards, byte for byte, with what its card and its file say."""
    told = await pull(tmp_path, stocked)
    (model,) = Shelf(tmp_path).list()
    assert model == LocalModel(
        name=NAME,
        kind="chat",
        format="gguf",
        path=tmp_path / NAME / FILE,
        size_bytes=len(weights),
        context_tokens=512,
        repository=REPOSITORY,
        file=FILE,
        sha256=hashlib.sha256(weights).hexdigest(),
        licence="mit",
    )
    assert model.path.read_bytes() == weights
    assert told[-1] == Progress(PullState.DONE, len(weights), len(weights))
    done = [progress.done_bytes for progress in told]
    assert done == sorted(done)
    assert leftovers(tmp_path) == []


async def test_a_second_pull_fetches_nothing(stocked: FakeHub, tmp_path: Path) -> None:
    """What is here already is not fetched again, and the plan says so."""
    await pull(tmp_path, stocked)
    asked = len(stocked.asked("storage"))
    async with pulling(tmp_path, HubOptions(stocked.endpoint)) as source:
        plan = await source.plan(REPOSITORY, may_be_path=False)
        await source.fetch(plan, nothing)
    assert (plan.is_here, plan.missing_bytes, len(stocked.asked("storage"))) == (True, 0, asked)


async def test_a_cut_download_goes_on_where_it_ended(stocked: FakeHub, tmp_path: Path, weights: bytes) -> None:
    """Connections that break cost what they had not brought, and no more."""
    stocked.plan("cut:1000000", "cut:500000")
    await pull(tmp_path, stocked)
    model = Shelf(tmp_path).find(NAME)
    assert model is not None
    assert model.path.read_bytes() == weights
    ranges = [seen.headers.get("range", "") for seen in stocked.asked("storage")]
    assert ranges[0] == ""
    assert len(ranges) == 3
    assert 0 < int(ranges[1].removeprefix("bytes=").rstrip("-")) <= 1_000_000
    assert stocked.sent_bytes < len(weights) + 1_500_000


async def test_a_storage_that_falls_silent_is_left(stocked: FakeHub, tmp_path: Path) -> None:
    """A connection on which nothing comes is given up, and the next one goes on."""
    stocked.plan("stall:700000")
    await pull(tmp_path, stocked, silence_seconds=0.3)
    assert Shelf(tmp_path).find(NAME) is not None
    assert stocked.asked("storage")[1].headers["range"].startswith("bytes=")


async def test_a_storage_that_is_busy_gets_the_time_it_asks_for(stocked: FakeHub, tmp_path: Path) -> None:
    """Too many requests, or an overload: the pull waits and goes on."""
    stocked.plan("status:429", "cut:1200000", "status:503")
    clock = SwiftClock()
    await pull(tmp_path, stocked, clock=clock)
    assert Shelf(tmp_path).find(NAME) is not None
    assert clock.slept == [1.0, 1.0, 1.0]


async def test_a_storage_that_refuses_is_believed(stocked: FakeHub, tmp_path: Path) -> None:
    """An address whose time is over is not asked again and again."""
    stocked.plan("status:403")
    with pytest.raises(UpstreamMisconfigured):
        await pull(tmp_path, stocked)
    assert len(stocked.asked("storage")) == 1


async def test_a_storage_without_ranges_serves_too(stocked: FakeHub, tmp_path: Path, weights: bytes) -> None:
    """Where a host sends everything again, nothing is doubled."""
    stocked.plan("cut:900000", "whole")
    await pull(tmp_path, stocked)
    model = Shelf(tmp_path).find(NAME)
    assert model is not None
    assert model.path.read_bytes() == weights


async def test_a_cancelled_pull_leaves_what_it_had(stocked: FakeHub, tmp_path: Path, weights: bytes) -> None:
    """A pull that is cancelled leaves no model, and the next goes on where it ended."""
    stocked.plan("stall:2000000")
    seen = asyncio.Event()

    async with pulling(tmp_path, HubOptions(stocked.endpoint)) as source:
        plan = await source.plan(REPOSITORY, may_be_path=False)
        task = asyncio.create_task(source.fetch(plan, lambda _: seen.set()))
        await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert Shelf(tmp_path).list() == ()
    assert len(leftovers(tmp_path)) == 1
    async with pulling(tmp_path, HubOptions(stocked.endpoint)) as source:
        assert 0 < (await source.plan(REPOSITORY, may_be_path=False)).missing_bytes < len(weights)
    await pull(tmp_path, stocked)
    assert stocked.asked("storage")[-1].headers["range"].startswith("bytes=")
    assert [model.path.read_bytes() for model in Shelf(tmp_path).list()] == [weights]


async def test_a_wrong_checksum_is_refused_and_removed(stocked: FakeHub, tmp_path: Path) -> None:
    """Bytes that are not what the hub describes are never a model, nor the beginning of one."""
    stocked.plan("lie")
    with pytest.raises(UpstreamFailed, match="checksum"):
        await pull(tmp_path, stocked)
    assert (Shelf(tmp_path).list(), leftovers(tmp_path)) == ((), [])
    assert list((tmp_path / NAME).iterdir()) == []
    await pull(tmp_path, stocked)
    assert len(Shelf(tmp_path).list()) == 1


async def test_a_hub_that_lies_about_the_checksum_is_not_believed(stocked: FakeHub, tmp_path: Path) -> None:
    """Where what the hub says and what it sends differ, there is no model."""
    stocked.repositories[REPOSITORY].lies_about = FILE
    with pytest.raises(UpstreamFailed, match="checksum"):
        await pull(tmp_path, stocked)
    assert Shelf(tmp_path).list() == ()


async def test_what_was_tampered_with_on_the_disk_is_fetched_anew(
    stocked: FakeHub, tmp_path: Path, weights: bytes
) -> None:
    """A partial file that somebody changed does not become a model."""
    stocked.plan("cut:1000000", *["status:503"] * 6)
    with pytest.raises(UpstreamBusy):
        await pull(tmp_path, stocked)
    partial = tmp_path / NAME / leftovers(tmp_path)[0]
    partial.write_bytes(b"x" * partial.stat().st_size)
    with pytest.raises(UpstreamFailed, match="checksum"):
        await pull(tmp_path, stocked)
    await pull(tmp_path, stocked)
    assert [model.path.read_bytes() for model in Shelf(tmp_path).list()] == [weights]


async def test_a_file_that_is_no_model_is_no_model(hub: FakeHub, tmp_path: Path) -> None:
    """A checksum does not make a model of what is none; it is removed."""
    hub.add(REPOSITORY, {FILE: b"<html>"})
    with pytest.raises(UpstreamFailed, match="no GGUF file"):
        await pull(tmp_path, hub)
    assert (Shelf(tmp_path).list(), list((tmp_path / NAME).iterdir())) == ((), [])


async def test_no_room_is_told_before_anything_is_fetched(stocked: FakeHub, tmp_path: Path) -> None:
    """The refusal says what is needed and what there is, and the storage was not asked."""
    with pytest.raises(Conflict) as refused:
        await pull(tmp_path, stocked, free=256 << 20)
    assert "needs 2 MB more" in refused.value.message
    assert "0.3 GB free" in refused.value.message
    assert "tollbar rm" in refused.value.hint
    assert stocked.asked("storage") == []


async def test_offline_nobody_is_asked(stocked: FakeHub, tmp_path: Path) -> None:
    """The refusal names the setting, and not even the hub was asked."""
    async with pulling(tmp_path, HubOptions(stocked.endpoint, is_offline=True)) as source:
        with pytest.raises(Conflict, match="HF_HUB_OFFLINE"):
            await source.plan("tinyllama", may_be_path=False)
    assert stocked.journal == []


async def test_a_private_repository_opens_with_the_token(stocked: FakeHub, tmp_path: Path) -> None:
    """Without the token it is as if it were not there; with it, the storage, another host, is not shown it."""
    stocked.repositories[REPOSITORY].is_private = True
    with pytest.raises(UnknownModel) as refused:
        await pull(tmp_path, stocked)
    assert "HF_TOKEN" in refused.value.hint
    async with pulling(tmp_path, HubOptions(stocked.endpoint, TOKEN)) as source:
        await source.fetch(await source.plan(REPOSITORY, may_be_path=False), nothing)
    assert stocked.asked("hub")[-1].headers["authorization"] == f"Bearer {TOKEN}"
    assert ["authorization" in seen.headers for seen in stocked.asked("storage")] == [False]


async def test_a_gated_repository_says_where_to_agree(stocked: FakeHub, tmp_path: Path) -> None:
    """The refusal says whose terms are asked for, and how."""
    stocked.repositories[REPOSITORY].is_gated = True
    with pytest.raises(UpstreamMisconfigured) as refused:
        await pull(tmp_path, stocked)
    assert f"{stocked.endpoint}/{REPOSITORY}" in refused.value.hint


async def test_two_pulls_of_one_model_share_a_download(stocked: FakeHub, tmp_path: Path, weights: bytes) -> None:
    """The second waits, tells the first one's progress, and finds the model done."""
    stocked.plan("drip:65536")
    first, second = await asyncio.gather(pull(tmp_path, stocked), pull(tmp_path, stocked))
    assert len(stocked.asked("storage")) == 1
    waited = first if first[0].state is PullState.WAITING else second
    assert {progress.state for progress in waited} == {PullState.WAITING, PullState.DONE}
    assert any(0 < progress.done_bytes < len(weights) for progress in waited)


async def test_a_new_revision_takes_the_place_of_the_old(stocked: FakeHub, tmp_path: Path, weights: bytes) -> None:
    """Where the hub has other bytes under the same name, they are fetched, also when they are as many."""
    await pull(tmp_path, stocked)
    other = weights[:-4] + b"\1\2\3\4"
    stocked.repositories[REPOSITORY].files[FILE] = other
    await pull(tmp_path, stocked)
    assert [model.path.read_bytes() for model in Shelf(tmp_path).list()] == [other]


async def test_a_model_from_elsewhere_is_not_replaced(stocked: FakeHub, tmp_path: Path, weights: bytes) -> None:
    """Another repository's file of the same name is refused, with the remedy."""
    await pull(tmp_path, stocked)
    stocked.add("other/tiny-GGUF", {FILE: weights + b"more"})
    with pytest.raises(Conflict, match=REPOSITORY) as refused:
        await pull(tmp_path, stocked, "other/tiny-GGUF")
    assert f"tollbar rm {NAME}" in refused.value.hint


async def test_a_short_name_brings_its_aliases(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    """A model of the table is called by its name there; where its file was renamed, the quantisation finds it."""
    row = {"aliases": ["Tiny:1B"], "repository": "lab/tiny", "file": "gone.gguf", "size_bytes": 1, "context": 9}
    names = parse({"tiny": {**row, "template": "none", "licence": "mit", "unchecked": ["file"]}})
    hub.add("lab/tiny", {"tiny-Q8_0.gguf": b"", "tiny-Q4_K_M.gguf": weights})
    await pull(tmp_path, hub, "TINY:1b", names=names)
    model = Shelf(tmp_path).find("tiny:1b")
    assert model is not None
    assert (model.name, model.file, model.licence, model.context_tokens) == ("tiny", "tiny-Q4_K_M.gguf", "mit", 512)


async def test_a_safetensors_model_is_a_folder(hub: FakeHub, tmp_path: Path) -> None:
    """Weights come with what they need to run, checked by git's own checksums, and nothing else comes."""
    files = {
        "config.json": b'{"model_type": "llama", "max_position_embeddings": 640}',
        "model.safetensors": b"\x08\0\0\0\0\0\0\0{}      ",
        "tokenizer.json": b"{}",
        "modeling_evil.py": b"import os",
        "onnx/model.safetensors": b"another",
    }
    hub.add("lab/plain", files, licence="apache-2.0")
    await pull(tmp_path, hub, "lab/plain")
    model = Shelf(tmp_path).find("plain")
    assert model is not None
    assert (model.format, model.path, model.file) == ("safetensors", tmp_path / "plain", "model.safetensors")
    assert model.context_tokens == 640
    assert sorted(path.name for path in model.path.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]


async def test_a_split_model_comes_whole(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    """All parts are fetched, and the first is the one to load; a cut between them costs only what was missing."""
    parts = {f"Q4_K_M/tiny-Q4_K_M-{part}-of-00002.gguf": data for part, data in (("00001", weights), ("00002", b"two"))}
    hub.add("lab/split", parts)
    hub.plan("ok", *["status:503"] * 6)
    with pytest.raises(UpstreamBusy):
        await pull(tmp_path, hub, "lab/split")
    await pull(tmp_path, hub, "lab/split")
    model = Shelf(tmp_path).find("tiny-q4_k_m")
    assert model is not None
    assert model.path.name == "tiny-Q4_K_M-00001-of-00002.gguf"
    assert model.size_bytes == len(weights) + 3
    assert hub.sent_bytes == len(weights) + 3


async def test_a_file_of_this_machine_stays_where_it_is(hub: FakeHub, tmp_path: Path) -> None:
    """A path is put on the shelf as it is, and nobody is asked."""
    path = write_model(tmp_path / "My Model.gguf")
    await pull(tmp_path / "models", hub, str(path))
    model = Shelf(tmp_path / "models").find("my-model")
    assert model is not None
    assert (model.path, model.context_tokens, model.repository, hub.journal) == (path, 512, "", [])


async def test_a_folder_of_this_machine_is_taken_too(hub: FakeHub, tmp_path: Path) -> None:
    """So is a folder of safetensors; one without its config is refused."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"12345")
    with pytest.raises(InvalidValue, match=r"config\.json"):
        await pull(tmp_path / "models", hub, str(folder))
    (folder / "config.json").write_text("{}")
    await pull(tmp_path / "models", hub, str(folder))
    assert [model.path for model in Shelf(tmp_path / "models").list()] == [folder]


@pytest.mark.parametrize("name", ["gone.gguf", "note.gguf"])
async def test_a_path_that_is_no_model_is_refused(hub: FakeHub, tmp_path: Path, name: str) -> None:
    """What is not there, or is something else, is told by its path."""
    (tmp_path / "note.gguf").write_text("hello")
    with pytest.raises(InvalidValue, match=name):
        await pull(tmp_path / "models", hub, str(tmp_path / name))
