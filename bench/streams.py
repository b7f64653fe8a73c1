"""Answers of a model as streams, read as they come, from wherever it is served."""

import asyncio
import json
import statistics
import time
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Door:
    """Where the model is asked: an address with its key, the gateway's process if there is one, and the engine's."""

    name: str
    port: int
    key: str
    engine: int
    gateway: int = 0
    model: str = "bench"


@dataclass(frozen=True, slots=True)
class Heard:
    """One stream: seconds to its first token, usual seconds from one to the next, and how many came."""

    first_seconds: float
    gap_seconds: float
    tokens: int

    def usual_seconds(self, tokens: int) -> float:
        """What an answer of so many tokens takes where nothing else on the machine holds up a token of it."""
        return self.first_seconds + (tokens - 1) * self.gap_seconds


async def run(door: Door, streams: int, tokens: int) -> list[Heard]:
    """So many streams at once."""
    return await asyncio.gather(*(hear(door, tokens) for _ in range(streams)))


async def hear(door: Door, tokens: int) -> Heard:
    """One stream, read to its end; raises RuntimeError when it is not answered."""
    asked = {"model": door.model, "stream": True, "temperature": 0, "max_tokens": tokens}
    body = json.dumps({**asked, "messages": [{"role": "user", "content": "Count on from 7"}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {door.key}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    began = time.perf_counter()
    try:
        writer.write(head.encode() + body)
        times: list[float] = []
        async for line in reader:
            if b'"content":"' in line:
                times.append(time.perf_counter())
            elif line.startswith(b"HTTP/1.1 ") and not line.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{door.name} answers {line!r}")
        if not times:
            raise RuntimeError(f"{door.name} says nothing")
        gaps = [later - sooner for sooner, later in pairwise(times)]
        return Heard(times[0] - began, statistics.median(gaps) if gaps else 0.0, len(times))
    finally:
        writer.close()
