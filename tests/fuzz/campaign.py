"""Runs mutations against targets, and keeps those that led somewhere new as seeds of others.

campaign = Campaign(seed=1)
campaign.run(rounds=1_000)
campaign.executions, campaign.findings
"""

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random

from tests.fuzz import seeds, targets
from tests.fuzz.mutation import Mutator

MOST_KEPT = 400
"""Inputs that one pool holds."""
FORWARDED_FORM = b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--x--\r\n'


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that broke a promise."""

    target: str
    raw: bytes
    place: str
    told: str


@dataclass(slots=True)
class Pool:
    """One target with the inputs that it is given."""

    target: str
    inputs: list[bytes]
    run: Callable[[Random, Mutator, bytes], str]
    mutator: Mutator
    seen: set[str] = field(default_factory=set)


class Campaign:
    """Some rounds of fuzzing, the same for the same seed."""

    def __init__(self, seed: int, only: str = "") -> None:
        self._random = Random(seed)
        self.pools = [pool for pool in self._made() if only in pool.target]
        self.executions = 0
        self.findings: list[Finding] = []

    @property
    def outcomes(self) -> int:
        """How many different ends have been reached."""
        return sum(len(pool.seen) for pool in self.pools)

    def run(self, rounds: int) -> None:
        """Gives each target in turn an input, so many times in all."""
        for number in range(rounds):
            self._once(self.pools[number % len(self.pools)])

    def seeds(self, most: int) -> Iterator[tuple[str, str]]:
        """What becomes of the seeds as they are, so many of each target: the target and the end."""
        for pool in self.pools:
            for raw in pool.inputs[:most]:
                yield pool.target, pool.run(self._random, pool.mutator, raw)

    def _once(self, pool: Pool) -> None:
        seed = self._random.choice(pool.inputs)
        raw = pool.mutator.answer(seed)
        self.executions += 1
        try:
            end = pool.run(self._random, pool.mutator, raw)
        except Exception as fault:  # whatever it is, it is what is looked for
            frame = traceback.extract_tb(fault.__traceback__)[-1]
            place = f"{frame.filename}:{frame.lineno} {type(fault).__name__}"
            if all(found.place != place for found in self.findings):
                told = "".join(traceback.format_exception(fault)[-4:])
                self.findings.append(Finding(pool.target, raw, place, told))
            return
        if end not in pool.seen:
            pool.seen.add(end)
            if len(pool.inputs) < MOST_KEPT and len(raw) < 20_000:
                pool.inputs.append(raw)

    def _made(self) -> Iterator[Pool]:
        for route in targets.DIALECTS:
            inputs = list(seeds.questions(_kind(route))) or [b"{}"]
            inputs += [FORWARDED_FORM] if "audio" in route or "images" in route else []
            yield Pool(route, inputs, partial(_question, route), Mutator(self._random, inputs))
        for wire in targets.WIRES:
            for stream in (False, True):
                inputs = [*seeds.answers(wire, stream), *targets.rich(wire, stream)]
                run = partial(_answer, wire, stream)
                yield Pool(f"{wire} {'stream' if stream else 'document'}", inputs, run, Mutator(self._random, inputs))
        inputs = list(seeds.refusals())
        yield Pool("failures", inputs, _failure, Mutator(self._random, inputs))


def _kind(route: str) -> str:
    """Whose questions a route is asked."""
    path = route.partition(" ")[2]
    kinds = {
        "embed": "embeddings",
        "Embed": "embeddings",
        "count_tokens": "anthropic",
        "/messages": "anthropic",
        "/chat/completions": "openai",
        "/completions": "completions",
        "/responses": "responses",
        "enerateContent": "gemini",
        "countTokens": "gemini",
        "/api/chat": "ollama",
        "/api/generate": "generate",
        "/v1/": "forwarded",
    }
    return next((kind for mark, kind in kinds.items() if mark in path), "simple")


def _question(route: str, random: Random, mutator: Mutator, raw: bytes) -> str:
    return targets.question(route, raw, random.choice(targets.MODELS))


def _answer(wire: str, stream: bool, random: Random, mutator: Mutator, raw: bytes) -> str:
    return targets.answer(wire, raw, stream, mutator.cuts(raw))


def _failure(random: Random, mutator: Mutator, raw: bytes) -> str:
    return targets.failure(raw)
