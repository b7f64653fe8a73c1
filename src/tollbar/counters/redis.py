"""Rates and concurrency in a Redis or Valkey, for any number of processes on any number of machines.

One script (`take.lua`) decides, on the server's own clock: one round trip for each take. What is given back goes with
the next take, or by itself a moment later, and is kept while the server is away. While it is, rates are counted in this
process alone, or every call that has one is refused: `is_open` says which. Whether it is back is tried twice a second.
"""

import asyncio
import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from tollbar.counters.memory import MemoryCounters
from tollbar.domain.errors import Overloaded
from tollbar.domain.limits import Charge, Room, Verdict
from tollbar.ports.clock import Clock

PREFIX = "{tollbar}:"
"""In braces, so that a cluster keeps all keys in one place."""
EXPIRY_SECONDS = 30.0
MOST_CONNECTIONS = 16
ANSWER_SECONDS = 2.0
"""A server that was killed refuses at once; this is for one that cannot be heard of at all."""
TRY_AGAIN_SECONDS = 0.5
FLUSH_SECONDS = 0.05
MOST_OWED = 100_000

Script = list[Any]


class RedisCounters:
    """`ports.Counters` at an address. `time` replaces the server's clock in tests."""

    def __init__(
        self, address: str, clock: Clock, is_open: bool = True, time: Callable[[], float] | None = None
    ) -> None:
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            address,
            max_connections=MOST_CONNECTIONS,
            timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            decode_responses=True,
            retry=Retry(NoBackoff(), 1),  # a connection that was cut meanwhile; the library's own would wait seconds
        )
        self._client = redis.asyncio.Redis.from_pool(pool)
        self._clock = clock
        self._is_open = is_open
        self._time = time
        self._owner = secrets.token_hex(8)
        self._local = MemoryCounters(clock)
        self._owed: deque[tuple[Sequence[Charge], float]] = deque(maxlen=MOST_OWED)
        self._has_owed = asyncio.Event()
        self._away_until: float | None = None
        self._script = (Path(__file__).parent / "take.lua").read_text("utf-8")
        self._sha = hashlib.sha1(self._script.encode(), usedforsecurity=False).hexdigest()

    async def take(self, charges: Sequence[Charge]) -> Verdict:
        """See `ports.Counters`; raises Overloaded where the server is away and nothing may pass uncounted."""
        if not charges:
            return Verdict((), self._clock.monotonic())
        if self._away_until is not None:
            now = self._clock.monotonic()
            if now < self._away_until:
                return await self._without(charges)
            self._away_until = now + TRY_AGAIN_SECONDS  # this call tries for all
        try:
            return _verdict(charges, await self._ask("take", charges, 0.0))
        except (RedisError, OSError, TimeoutError) as fault:
            self._lost(fault)
            return await self._without(charges)

    def give_back(self, charges: Sequence[Charge], taken_at: float) -> None:
        """See `ports.Counters`."""
        if charges:
            self._owed.append((charges, taken_at))
            self._has_owed.set()

    async def run(self) -> None:
        """Gives back what no take took along, and finds out when the server is back; never returns."""
        while True:
            await self._has_owed.wait()
            await self._clock.sleep(FLUSH_SECONDS if self._away_until is None else TRY_AGAIN_SECONDS)
            await self.beat()

    async def beat(self) -> None:
        """Says that this process lives, and gives back what it owes; to be called every few seconds."""
        try:
            await self._ask("give", (), 0.0)
        except (RedisError, OSError, TimeoutError) as fault:
            self._lost(fault)

    async def close(self) -> None:
        """Gives back what is owed, and closes the connections."""
        await self.beat()
        await self._client.aclose()

    async def _ask(self, verb: str, charges: Sequence[Charge], taken_at: float) -> Script:
        """What the script answers; what is owed is given back before, in the same round trip."""
        try:
            return await self._send(verb, charges, taken_at)
        except NoScriptError:  # the server is new, or was started anew; nothing of it was run
            await self._client.script_load(self._script)
            return await self._send(verb, charges, taken_at)

    async def _send(self, verb: str, charges: Sequence[Charge], taken_at: float) -> Script:
        owed = [*self._owed]
        self._owed.clear()
        self._has_owed.clear()
        try:
            pipeline = self._client.pipeline(transaction=False)
            for given, at in owed:
                pipeline.evalsha(self._sha, *self._words("give", given, at))
            pipeline.evalsha(self._sha, *self._words(verb, charges, taken_at))
            answer = (await pipeline.execute())[-1]
        except BaseException:
            self._owed.extendleft(reversed(owed))
            if owed:
                self._has_owed.set()
            raise
        self._away_until = None
        return answer

    def _words(self, verb: str, charges: Sequence[Charge], taken_at: float) -> list[Any]:
        now = "" if self._time is None else repr(self._time())
        keys = [f"{PREFIX}{limit.measure}/{limit.window_seconds}/{scope}" for scope, limit, _ in charges]
        words: list[Any] = [len(keys) + 1, *keys, f"{PREFIX}owners", verb, now, self._owner]
        words += [repr(EXPIRY_SECONDS), repr(taken_at)]
        for _, limit, amount in charges:
            words += [limit.window_seconds, limit.amount, amount]
        return words

    async def _without(self, charges: Sequence[Charge]) -> Verdict:
        if self._is_open:
            return await self._local.take(charges)
        hint = "Try again shortly; 'limits.when_away: open' lets calls pass meanwhile, counted in each process."
        raise Overloaded("Rates cannot be counted at the moment.", hint=hint)

    def _lost(self, fault: Exception) -> None:
        if self._away_until is None:
            mode = "counting in this process alone" if self._is_open else "refusing calls that have a rate"
            structlog.get_logger("tollbar").warning("counters.away", error=type(fault).__name__, mode=mode)
        self._away_until = self._clock.monotonic() + TRY_AGAIN_SECONDS
        self._has_owed.set()  # so that `run` looks whether it is back


def _verdict(charges: Sequence[Charge], answer: Script) -> Verdict:
    now, refused, *figures = answer
    rows = [figures[place : place + 3] for place in range(0, len(figures), 3)]
    rooms = tuple(
        Room(scope, limit, int(float(left)), float(reset))
        for (scope, limit, _), (left, reset, _) in zip(charges, rows, strict=True)
    )
    if not refused:
        return Verdict(rooms, float(now))
    named, longest = charges[refused - 1], float(rows[refused - 1][2])
    for charge, room, (_, _, wait) in zip(charges, rooms, rows, strict=True):
        if charge.amount > room.remaining and float(wait) > longest:
            named, longest = charge, float(wait)
    return Verdict(rooms, float(now), named, longest)
