"""Gets models onto this machine: from the hub, from a path, or through Ollama.

Guarantees: a model is on the shelf only when every file of it is complete and checked; of two pulls of one model, in
whatever processes, one fetches and the other waits and then finds it done; room on the disk is checked before anything
is fetched. What a killed pull left is what the next one begins with.
"""

import asyncio
import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tollbar.domain.errors import Conflict, InvalidValue, UpstreamFailed
from tollbar.domain.local_models import Kind, LocalModel, Progress, PullPlan, PullState, RemoteFile
from tollbar.ports.clock import Clock
from tollbar.providers.local.download import Download, bytes_here
from tollbar.providers.local.header import Header, NoGgufError, read_header
from tollbar.providers.local.hub import Hub, Repository
from tollbar.providers.local.lockfile import LockFile
from tollbar.providers.local.names import Names
from tollbar.providers.local.ollama import Ollama
from tollbar.providers.local.reference import (
    OLLAMA,
    WEIGHTS,
    HubModel,
    LocalFile,
    OllamaModel,
    choose_files,
    name_for,
    plain_name,
    read_reference,
)
from tollbar.providers.local.shelf import Shelf
from tollbar.providers.local.transformers.checkpoint import context_of

SPARE_BYTES = 256 << 20
"""What a pull leaves free on the disk, for the store and the log."""
LOOK_SECONDS = 0.25
"""How often one who waits for another's pull looks how far it is."""
EMBEDDING_TASKS = frozenset({"feature-extraction", "sentence-similarity"})

Tell = Callable[[Progress], None]


def free_bytes(folder: Path) -> int:
    """What the disk of a folder, which need not exist yet, has free."""
    return shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.exists())).free


@dataclass(frozen=True, slots=True)
class Sources:
    """What a pull may ask: the short names, the hub, the Ollama of this machine."""

    names: Names
    hub: Hub
    ollama: Ollama


class Pulling:
    """The port `ModelSource`, for a shelf."""

    def __init__(self, shelf: Shelf, sources: Sources, clock: Clock, free: Callable[[Path], int] = free_bytes) -> None:
        self._shelf = shelf
        self._sources = sources
        self._clock = clock
        self._free = free

    async def plan(self, name: str, may_be_path: bool) -> PullPlan:
        """What pulling a model of that name would do."""
        match read_reference(name, self._sources.names, may_be_path):
            case OllamaModel() as model:
                return PullPlan(f"ollama/{model.name}", f"{OLLAMA}{model.name}", "ollama")
            case LocalFile() as file:
                plan = await asyncio.to_thread(_plan_of_path, file.path)
            case HubModel() as wanted:
                plan = self._planned(wanted, await self._sources.hub.repository(wanted.repository))
        if not plan.is_here:
            self._check_name(plan)
            self._check_room(plan)
        return plan

    async def fetch(self, plan: PullPlan, tell: Tell) -> None:
        """Carries the plan out."""
        match plan.origin:
            case "ollama":
                await self._sources.ollama.pull(plan.source.removeprefix(OLLAMA), tell)
            case "path":
                self._check_name(plan)
                self._shelf.add(_model_of(plan, Path(plan.source)))
                tell(Progress(PullState.DONE, plan.size_bytes, plan.size_bytes))
            case "hub":
                await self._fetch(plan, tell)

    async def _fetch(self, plan: PullPlan, tell: Tell) -> None:
        folder = self._shelf.weights_of(plan.name)
        with LockFile(self._shelf.folder / f".{plan.name}.lock") as lock:
            while not lock.take():
                tell(Progress(PullState.WAITING, _here(folder, plan.files), plan.size_bytes))
                await self._clock.sleep(LOOK_SECONDS)
            if not self._has(plan):
                self._check_name(plan)
                self._check_room(plan)
                await self._bring(plan, folder, tell)
            tell(Progress(PullState.DONE, plan.size_bytes, plan.size_bytes))

    async def _bring(self, plan: PullPlan, folder: Path, tell: Tell) -> None:
        """Fetches every file, and puts the model on the shelf."""
        done = 0
        for file in plan.files:
            opener = partial(self._sources.hub.file, plan.source, plan.revision, file)

            def tell_sum(progress: Progress, before: int = done) -> None:
                tell(Progress(progress.state, before + progress.done_bytes, plan.size_bytes))

            await Download(file, folder, opener, self._clock, tell_sum).run()
            done += file.size_bytes
        path = folder / plan.files[0].name if plan.format == "gguf" else folder
        try:
            model = await asyncio.to_thread(_model_of, plan, path)
        except NoGgufError as fault:
            path.unlink(missing_ok=True)
            raise UpstreamFailed(f"{plan.source} holds no model: {fault}.") from fault
        self._shelf.add(model)

    def _planned(self, wanted: HubModel, repository: Repository) -> PullPlan:
        files = choose_files(wanted, repository.files)
        named, name = wanted.named, name_for(wanted, files)
        folder = self._shelf.weights_of(name)
        size = sum(file.size_bytes for file in files)
        plan = PullPlan(
            name=name,
            source=repository.name,
            origin="hub",
            kind=named.kind if named else "embedding" if repository.task in EMBEDDING_TASKS else "chat",
            format="gguf" if files[0].name.endswith(".gguf") else "safetensors",
            licence=repository.licence or (named.licence if named else ""),
            context_tokens=repository.context_tokens or (named.context_tokens if named else None),
            aliases=tuple(alias.lower() for alias in named.aliases) if named else (),
            revision=repository.revision,
            files=files,
            size_bytes=size,
            missing_bytes=size - _here(folder, files),
        )
        return replace(plan, missing_bytes=0, is_here=True) if self._has(plan) else plan

    def _has(self, plan: PullPlan) -> bool:
        """Whether exactly these files are on the shelf."""
        model = self._shelf.find(plan.name)
        return model is not None and model.sha256 == _digest(plan.files) and model.path.exists()

    def _check_name(self, plan: PullPlan) -> None:
        """Refuses to put a model in the place of one that came from elsewhere."""
        model = self._shelf.find(plan.name)
        source = plan.source if plan.origin == "hub" else ""
        if model is None or (model.repository == source and (source or model.path == Path(plan.source))):
            return
        here = model.repository or str(model.path)
        raise Conflict(
            f"A model called {plan.name} is here already, from {here}.", hint=f"`tollbar rm {plan.name}` removes it."
        )

    def _check_room(self, plan: PullPlan) -> None:
        free = self._free(self._shelf.folder)
        if free >= plan.missing_bytes + SPARE_BYTES:
            return
        raise Conflict(
            f"There is no room for {plan.name}: it needs {_gigabytes(plan.missing_bytes)} more, and the disk of "
            f"{self._shelf.folder} has {_gigabytes(free)} free, of which {_gigabytes(SPARE_BYTES)} stay free.",
            hint="Make room, remove a model with `tollbar rm NAME`, or put TOLLBAR_DATA on another disk.",
        )


def _plan_of_path(path: Path) -> PullPlan:
    """The plan for what lies on this disk; raises InvalidValue when it is no model."""
    try:
        if path.is_dir():
            weights = sorted(path.glob(f"*{WEIGHTS}"))
            if not weights or not (path / "config.json").is_file():
                raise NoGgufError("a folder of a model holds config.json and .safetensors files")
            size = sum(file.stat().st_size for file in weights)
            return PullPlan(plain_name(path.name), str(path), "path", format="safetensors", size_bytes=size)
        header, size = read_header(path), path.stat().st_size
    except (OSError, NoGgufError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else fault
        raise InvalidValue(f"{path} is no model: {reason}.", field="model") from fault
    return PullPlan(
        name=plain_name(path.stem),
        source=str(path),
        origin="path",
        kind=_kind(header),
        licence=header.text("general.license"),
        context_tokens=header.context_tokens,
        size_bytes=size,
    )


def _model_of(plan: PullPlan, path: Path) -> LocalModel:
    """The record of a model whose files are here; what its file says of itself goes before what was said of it."""
    header = read_header(path) if plan.format == "gguf" else None
    context = header.context_tokens if header else context_of(path)
    is_remote = plan.origin == "hub"
    return LocalModel(
        name=plan.name,
        kind=_kind(header) if header else plan.kind,
        format=plan.format,
        path=path,
        size_bytes=plan.size_bytes,
        context_tokens=context or plan.context_tokens,
        repository=plan.source if is_remote else "",
        file=plan.files[0].path if is_remote else "",
        sha256=_digest(plan.files) if is_remote else "",
        licence=plan.licence,
        aliases=plan.aliases,
    )


def _kind(header: Header) -> Kind:
    return "embedding" if header.is_embedding else "chat"


def _here(folder: Path, files: Sequence[RemoteFile]) -> int:
    return sum(bytes_here(folder, file) for file in files)


def _digest(files: Sequence[RemoteFile]) -> str:
    """One checksum for a model: that of its file, or of the list of its files with theirs."""
    if len(files) == 1 and files[0].sha256:
        return files[0].sha256
    return hashlib.sha256("".join(f"{file.checksum}  {file.name}\n" for file in files).encode()).hexdigest()


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
