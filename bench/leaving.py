"""How soon an engine is free of a caller who leaves: `python -m bench.leaving`.

The callers use the provider of local models as the gateway does, and leave its block in the middle. Measured is the
time from there to the moment at which the engine itself says that the call's slot is free.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.providers.local.making import shelve
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Call, Target
from tollbar.ports.providers import Provider
from tollbar.providers.local.fleet import Fleet
from tollbar.providers.local.process import EngineProcess, Launch, needed
from tollbar.providers.local.provider import NAME, LocalProvider
from tollbar.providers.local.terms import Terms
from tollbar.providers.local.wire import EngineTransport
from tollbar.providers.openai import OpenAIProvider
from tollbar.providers.vendors import Instance, custom
from tollbar.wire.openai_chat.request import decode

CONTEXT_TOKENS = 16_384
LONG = "x" * (CONTEXT_TOKENS - 1_000) + "7"
SPEED_TOKENS = 2_000


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody who asks for something and leaves: `seconds` after the engine has begun."""

    name: str
    fields: Mapping[str, object]
    text: str = "go 7"
    is_beside_stream: bool = False


LEAVERS = (
    Leaver("a stream", {"stream": True}),
    Leaver("a document", {}),
    Leaver("a document beside a stream", {}, is_beside_stream=True),
    Leaver("a stream, while its prompt is read", {"stream": True}, LONG),
    Leaver("a document, while its prompt is read", {}, LONG),
)


async def main(options: argparse.Namespace) -> None:
    """Prints a line for each kind of leaving."""
    terms = Terms(context_tokens=CONTEXT_TOKENS, threads=options.threads)
    with tempfile.TemporaryDirectory() as folder:
        model = shelve(Path(folder), "bench", context=CONTEXT_TOKENS, layers=options.layers, hidden=options.hidden)
        async with fleet(terms) as engines:
            engines.know({model.name: model})
            runner, provider = engines.find(model.name), LocalProvider(engines, terms, SystemClock())
            speeds = [await prompt_speed(provider) for _ in range(5)]
            print(f"A prompt of {SPEED_TOKENS:,} tokens: {max(speeds):,.0f} tokens a second.")
            if runner.engine is None:
                raise RuntimeError("the engine has ended")
            for leaver in LEAVERS:
                took = [await leave(provider, runner.engine, leaver) for _ in range(options.rounds)]
                print(f"{leaver.name}: median {statistics.median(took):.0f} ms, at most {max(took):.0f} ms")


@asynccontextmanager
async def fleet(terms: Terms) -> AsyncIterator[Fleet]:
    """Engines, called as the gateway calls them."""
    clock, vendor = SystemClock(), custom(NAME, "openai")
    async with EngineTransport(clock) as transport:

        def connect(engine: EngineProcess) -> Provider:
            return OpenAIProvider(Instance(NAME, vendor, f"{engine.url}/v1", engine.order.key), transport, clock)

        async with Fleet(terms, Launch(environment=needed(os.environ)), connect, clock) as made:
            yield made


async def prompt_speed(provider: LocalProvider) -> float:
    """The tokens of a prompt that are read in a second."""
    began = time.perf_counter()
    await listen(provider, call({"max_tokens": 1}, "x" * SPEED_TOKENS))
    return SPEED_TOKENS / (time.perf_counter() - began)


async def leave(provider: LocalProvider, engine: EngineProcess, leaver: Leaver) -> float:
    """The milliseconds from leaving to a free slot."""
    async with beside(provider, leaver.is_beside_stream):
        others = int(leaver.is_beside_stream)
        await until_busy(engine, others)
        asking = asyncio.create_task(listen(provider, call(leaver.fields, leaver.text)))
        await until_busy(engine, others + 1)
        await asyncio.sleep(random.uniform(0.05, 0.25))
        if asking.done():
            raise RuntimeError("the answer came before its caller left: a slower model is needed")
        began = time.perf_counter()
        asking.cancel()
        await until_busy(engine, others)
        return (time.perf_counter() - began) * 1e3


@asynccontextmanager
async def beside(provider: LocalProvider, is_wanted: bool) -> AsyncIterator[None]:
    """Another's stream goes on meanwhile, if it is wanted."""
    if not is_wanted:
        yield
        return
    listening = asyncio.create_task(listen(provider, call({"stream": True}, "go 7")))
    try:
        yield
    finally:
        listening.cancel()
        await asyncio.wait([listening])


def call(fields: Mapping[str, object], text: str) -> Call:
    """A call as the gateway makes it, of which no two begin alike."""
    said = [{"role": "user", "content": f"{random.random()}{text}"}]
    body = {"model": "bench", "temperature": 0, "messages": said, **fields}
    target = Target(NAME, "bench", is_local=True)
    return Call(decode(json.dumps(body).encode()), target, time.monotonic() + 600, "leaving", caller="key")


async def listen(provider: LocalProvider, asked: Call) -> None:
    """Hears an answer to its end."""
    async with provider.open(asked) as events:
        async for _ in events:
            pass


async def until_busy(engine: EngineProcess, wanted: int) -> None:
    """Waits until an engine says, at the next moment at which it listens, that so many of its slots are busy."""
    host, _, port = engine.url.rpartition("/")[2].partition(":")
    request = f"GET /slots HTTP/1.0\r\nauthorization: Bearer {engine.order.key}\r\n\r\n".encode()
    busy = -1
    while busy != wanted:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        slots = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
        writer.close()
        busy = sum(slot["is_processing"] for slot in slots)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="times that a caller leaves (default: 20)")
    parser.add_argument("--layers", type=int, default=2, help="layers of the model (default: 2)")
    parser.add_argument("--hidden", type=int, default=2_048, help="how wide they are (default: 2048)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the engine (default: 1)")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(_options()))
