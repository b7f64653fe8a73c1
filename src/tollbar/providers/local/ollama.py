"""Has a running Ollama pull a model, and tells how far it is.

The model becomes Ollama's: it keeps it, and Tollbar finds it where it finds all models of a server on this machine.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from tollbar.domain.errors import UnknownModel, UpstreamFailed
from tollbar.domain.local_models import Progress, PullState
from tollbar.providers.faults import Peer
from tollbar.providers.transport.fetching import Fetched, Fetcher, Request

LONGEST_LINE = 1 << 20
NO_SUCH_MODEL = "file does not exist"
INSTALL = "Is Ollama running? `ollama serve` starts it; OLLAMA_HOST says where it is."


class Ollama:
    """The Ollama at an address, `http://host:port`."""

    def __init__(self, fetcher: Fetcher, address: str) -> None:
        self._fetcher = fetcher
        self._address = address.removesuffix("/v1")
        self._peer = Peer("ollama")

    async def pull(self, name: str, tell: Callable[[Progress], None]) -> None:
        """Returns when Ollama has the model; raises UnknownModel, or UpstreamError when it cannot be had."""
        body = msgspec.json.encode({"model": name, "stream": True})
        request = Request(f"{self._address}/api/pull", {"Content-Type": "application/json"}, body=body)
        sizes: dict[str, tuple[int, int]] = {}
        async with self._fetcher.fetch(self._peer, request) as answer:
            async for line in _lines(answer):
                match line:
                    case {"error": str(message)}:
                        raise self._refusal(name, message)
                    case {"status": "success"}:
                        tell(_progress(sizes, PullState.DONE))
                        return
                    case {"digest": str(digest), "total": int(total)}:
                        sizes[digest] = (int(line.get("completed", 0)), total)
                        tell(_progress(sizes, PullState.DOWNLOADING))
                    case {"status": str()}:
                        tell(_progress(sizes, PullState.CHECKING))
                    case _ if answer.status >= 400:
                        break
            if answer.status != 200:
                raise UpstreamFailed(f"Ollama answered HTTP {answer.status}.", hint="Is it recent enough?")
        raise UpstreamFailed(f"Ollama ended its answer before it had {name}.", hint="Pull again: it goes on.")

    def _refusal(self, name: str, message: str) -> UnknownModel | UpstreamFailed:
        if NO_SUCH_MODEL in message:
            return UnknownModel(f"Ollama knows no model {name}.", hint="https://ollama.com/library lists them.")
        return UpstreamFailed(f"Ollama could not pull {name}: {self._peer.clean(message)}")


async def _lines(answer: Fetched) -> AsyncIterator[Any]:
    """The JSON documents of an answer, one to a line; raises UpstreamFailed for what is none."""
    rest = b""
    async for piece in answer.pieces():
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise UpstreamFailed("Ollama answered with something that is no progress.")
        for line in lines:
            if line.strip():
                yield _document(line)
    if rest.strip():
        yield _document(rest)


def _document(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise UpstreamFailed("Ollama answered with something that is no progress.") from fault


def _progress(sizes: dict[str, tuple[int, int]], state: PullState) -> Progress:
    total = sum(total for _, total in sizes.values())
    return Progress(state, total if state is PullState.DONE else sum(done for done, _ in sizes.values()), total)
