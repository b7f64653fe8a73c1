"""The hub that models come from: Hugging Face, or what speaks its protocol at another address.

Two questions are asked: what a repository holds, with sizes and checksums, and for the bytes of a file from some place
on. Its refusals become errors that say what to do about them. Nothing is asked when the installation is offline.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from tollbar.domain.errors import Conflict, GatewayError, UnknownModel, UpstreamFailed, UpstreamMisconfigured
from tollbar.domain.local_models import RemoteFile
from tollbar.ports.clock import Clock
from tollbar.providers.faults import Peer, from_status
from tollbar.providers.transport.fetching import Fetched, Fetcher, Request

USUAL_ENDPOINT = "https://huggingface.co"
BAD_TOKEN = "invalid credentials"
MOST_FILES = 10_000

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_GIT_ID = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class HubOptions:
    """Where the hub is, the token that opens private repositories, and whether nobody may be asked at all."""

    endpoint: str = USUAL_ENDPOINT
    token: str = ""
    is_offline: bool = False


@dataclass(frozen=True, slots=True)
class Repository:
    """What a repository holds now. `task` is what its card says that the model is for; empty when it says nothing."""

    name: str
    revision: str
    files: tuple[RemoteFile, ...]
    licence: str
    task: str
    context_tokens: int | None


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a file from `start` on."""

    start: int
    pieces: AsyncIterator[bytes]


class Hub:
    """Asks the hub."""

    def __init__(self, fetcher: Fetcher, clock: Clock, options: HubOptions) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._options = options
        self._peer = Peer(urlsplit(options.endpoint).netloc, "HF_TOKEN", options.token)

    async def repository(self, name: str, revision: str = "main") -> Repository:
        """What a repository holds; raises UnknownModel, UpstreamError, or Conflict when the installation is offline."""
        address = f"{self._options.endpoint}/api/models/{quote(name)}/revision/{quote(revision, safe='')}?blobs=true"
        async with self._get(address, {}, name) as answer:
            body = await answer.document()
        try:
            return read_repository(name, msgspec.json.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as fault:
            hint = "Is HF_ENDPOINT the address of a hub?"
            raise UpstreamFailed(f"{self._peer.name} did not say what {name} holds.", hint=hint) from fault

    @asynccontextmanager
    async def file(self, repository: str, revision: str, file: RemoteFile, start: int) -> AsyncIterator[Body]:
        """The bytes of a file from `start` on, or from its beginning where the host knows no ranges.

        Raises as `repository` does; iterating raises UpstreamError when the connection breaks.
        """
        address = f"{self._options.endpoint}/{quote(repository)}/resolve/{quote(revision, safe='')}/{quote(file.path)}"
        headers = {"Range": f"bytes={start}-"} if start else {}
        async with self._get(address, headers, repository) as answer:
            found = _RANGE.fullmatch(answer.headers.get("content-range", "")) if answer.status == 206 else None
            if answer.status == 206 and found is None:
                raise UpstreamFailed(f"{self._peer.name} sent a part of a file without saying which.")
            yield Body(int(found[1]) if found else 0, answer.pieces())

    @asynccontextmanager
    async def _get(self, address: str, headers: Mapping[str, str], repository: str) -> AsyncIterator[Fetched]:
        if self._options.is_offline:
            raise Conflict(
                f"{repository} would have to be fetched, and HF_HUB_OFFLINE says that nothing is.",
                hint="Unset it, or give the path of a file that is here; models that were pulled before still run.",
            )
        credential = f"Bearer {self._options.token}" if self._options.token else ""
        async with self._fetcher.fetch(self._peer, Request(address, headers, credential)) as answer:
            if answer.status not in {200, 206}:
                raise self._refusal(answer.status, answer.headers, await answer.document(), repository)
            yield answer

    def _refusal(self, status: int, headers: Mapping[str, str], body: bytes, repository: str) -> GatewayError:
        """The error behind a status. The hub answers 401 for a repository that it does not show to whoever asks."""
        code = headers.get("x-error-code", "")
        page = f"{self._options.endpoint}/{repository}"
        if code == "GatedRepo":
            return UpstreamMisconfigured(
                f"{repository} is given only to those who accepted its terms.",
                hint=f"Accept them at {page}, and set HF_TOKEN to a token of the same account.",
                upstream_status=status,
            )
        is_bad_token = BAD_TOKEN in headers.get("x-error-message", "").lower()
        if status == 401 and (is_bad_token or (self._options.token and code != "RepoNotFound")):
            hint = "Make another at the hub, under Settings, Access Tokens."
            return UpstreamMisconfigured(
                f"{self._peer.name} refuses the token in HF_TOKEN.", hint=hint, upstream_status=status
            )
        if code in {"EntryNotFound", "RevisionNotFound"}:
            return UnknownModel(f"{repository} holds no such file or revision.", hint=f"{page}/tree/main lists them.")
        if status in {401, 404} or code == "RepoNotFound":
            hint = "Is the name right, with its owner? For a private one, set HF_TOKEN."
            return UnknownModel(f"{self._peer.name} shows no repository {repository}.", hint=hint)
        return from_status(self._peer, status, headers, body, self._clock.now())


def read_repository(name: str, document: Any) -> Repository:
    """What the hub's document says of a repository; raises ValueError when it is none."""
    match document:
        case {"sha": str(revision), "siblings": list(listed)} if len(listed) <= MOST_FILES:
            card, gguf = document.get("cardData") or {}, document.get("gguf") or {}
            context = gguf.get("context_length") if isinstance(gguf, dict) else None
            return Repository(
                name=name,
                revision=revision,
                files=tuple(file for entry in listed if (file := _file(entry)) is not None),
                licence=_licence(card if isinstance(card, dict) else {}, document.get("tags")),
                task=str(document.get("pipeline_tag") or ""),
                context_tokens=context if isinstance(context, int) else None,
            )
    raise ValueError("no description of a repository")


def _file(entry: Any) -> RemoteFile | None:
    """A file with the checksum it has: large ones are kept by their SHA-256, small ones by git's own."""
    match entry:
        case {"rfilename": str(path), "lfs": {"sha256": str(digest), "size": int(size)}} if _DIGEST.fullmatch(digest):
            return RemoteFile(path, size, sha256=digest)
        case {"rfilename": str(path), "size": int(size)}:
            blob_id = str(entry.get("blobId") or "")
            return RemoteFile(path, size, blob_id=blob_id if _GIT_ID.fullmatch(blob_id) else "")
    return None


def _licence(card: Mapping[str, Any], tags: Any) -> str:
    """The licence that the card names, with the name it gives to one that is called `other`."""
    named = card.get("license_name") if card.get("license") == "other" else card.get("license")
    if isinstance(named, str):
        return named[:100]
    tagged = (
        [tag for tag in tags if isinstance(tag, str) and tag.startswith("license:")] if isinstance(tags, list) else []
    )
    return tagged[0].removeprefix("license:")[:100] if tagged else ""
