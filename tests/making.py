"""Values with sensible defaults, and a whole gateway made of doubles, for tests that care about one detail of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import FakeClock, FakeProvider, MemoryKeyStore, MemoryLedger, says
from tollbar.counters.memory import MemoryCounters
from tollbar.domain.catalogue import Catalogue, Model, Plan, Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import Finished, FinishReason, Frames, Started, StreamEvent, Text
from tollbar.domain.identity import Principal
from tollbar.domain.limits import Bounds
from tollbar.domain.money import PriceCard, Rate
from tollbar.domain.records import RequestRecord
from tollbar.domain.usage import Usage
from tollbar.gateway.admit import Admission
from tollbar.gateway.attempts import Attempts
from tollbar.gateway.authenticate import Authenticator
from tollbar.gateway.completions import Gateway
from tollbar.gateway.health import Health
from tollbar.gateway.record import Recorder
from tollbar.gateway.visit import Arrival, Visit
from tollbar.ports.money import Counters
from tollbar.ports.providers import Provider
from tollbar.wire.openai_chat.request import decode

CARD = PriceCard("test", Rate(2_000_000), Rate(10_000_000), per_request_pico=500)
TARGET = Target("main", "m", CARD)
BACKUP = Target("spare", "s", PriceCard("spare", Rate(3_000_000), Rate(7_000_000)))
PRINCIPAL = Principal("key", "A key")
BOUNDS = Bounds(10, 100, 40, 90_000, 30_000, 3)


def a_body(model: str = "smart", **fields: Any) -> bytes:
    """A request's body; a field that is None is left out."""
    document = {"model": model, "messages": [{"role": "user", "content": "Hello there"}], "stream": True, **fields}
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


def a_request(model: str = "smart", **fields: Any) -> CompletionRequest:
    """A request as the dialect reads it."""
    return decode(a_body(model, **fields))


def a_model(*targets: Target, **fields: Any) -> Model:
    """The model `smart` with these targets, or one."""
    return Model("smart", targets or (TARGET,), **fields)


def a_plan(*targets: Target, **fields: Any) -> Plan:
    """A plan that tries these targets, or one."""
    model = a_model(*targets, **fields)
    return Plan(model, model.targets, "the configured order")


def an_arrival(request_id: str = "r1", at: float = 7_200.0) -> Arrival:
    """A call that came just now."""
    return Arrival(request_id, "/v1/chat/completions", "192.0.2.7", at)


def a_visit(principal: Principal = PRINCIPAL, **fields: Any) -> Visit:
    """A streamed call in progress that nobody else can interrupt."""
    visit = Visit(an_arrival(), principal, None)
    for name, value in {"request": a_request(), **fields}.items():
        setattr(visit, name, value)
    return visit


def an_answer(text: str = "Hi", usage: Usage | None = None) -> tuple[StreamEvent, ...]:
    """A relayed answer: a prelude, one piece of content, its end."""
    return (
        Frames(b"prelude;", False),
        Frames(text.encode(), True, len(text)),
        Frames(b"done", True, 0, usage, is_last=True),
    )


def a_told_answer(*pieces: str) -> tuple[StreamEvent, ...]:
    """An answer in events of our own."""
    return (Started("a", "m"), *map(Text, pieces), Finished(FinishReason.STOP))


@dataclass(slots=True)
class Scene:
    """A gateway with everything around it."""

    gateway: Gateway
    clock: FakeClock
    ledger: MemoryLedger
    counters: Counters
    keys: MemoryKeyStore
    providers: Mapping[str, Provider]
    records: list[RequestRecord] = field(default_factory=list)

    @property
    def main(self) -> FakeProvider:
        """The provider of the first target."""
        provider = self.providers["main"]
        if not isinstance(provider, FakeProvider):
            raise TypeError("the main provider is not a double")
        return provider


def a_scene(
    *providers: FakeProvider,
    models: Sequence[Model] = (),
    clock: FakeClock | None = None,
    ledger: MemoryLedger | None = None,
    counters: Callable[[FakeClock], Counters] = MemoryCounters,
) -> Scene:
    """A gateway over these providers, named `main` and `spare` in that order; without any, one that answers."""
    clock = clock or FakeClock()
    named = dict(zip(("main", "spare"), providers or (FakeProvider(says(*an_answer())),), strict=False))
    ledger = ledger or MemoryLedger()
    counted = counters(clock)
    keys = MemoryKeyStore(clock)
    health = Health(clock)
    records: list[RequestRecord] = []
    gateway = Gateway(
        authenticator=Authenticator(keys, lambda text: text.encode(), counted, clock),
        recorder=Recorder((records.extend,), clock, wait_seconds=0),
        admission=Admission(counted, ledger, clock),
        catalogue=Catalogue({model.name: model for model in models or (a_model(),)}),
        health=health,
        attempts=Attempts(named, health, clock, lambda: 0.5),
        clock=clock,
    )
    return Scene(gateway, clock, ledger, counted, keys, named, records)
