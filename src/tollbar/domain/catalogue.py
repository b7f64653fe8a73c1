"""What can be called: models, the targets behind each, and the plan made of them for one call.

A catalogue is a snapshot: a reload builds another and swaps it, and a call keeps the one it began with.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.money import PriceCard


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that one attempt may take: to connect, to the first byte, between bytes, and in all."""

    connect: float = 10.0
    write: float = 10.0
    first_byte_stream: float = 300.0
    first_byte_plain: float = 600.0
    between_bytes: float = 120.0
    total: float = 3_600.0


@dataclass(frozen=True, slots=True)
class Target:
    """One model of one configured provider.

    `card` is None when the price is unknown: then a call that a dollar allowance covers is refused before it is sent.
    `supports` is None when nobody knows what the model can do: then it is tried. `name` is `provider/model`, as people
    write it.
    """

    provider: str
    model: str
    card: PriceCard | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    supports: frozenset[str] | None = None
    is_local: bool = False
    timeouts: Timeouts = Timeouts()
    name: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.provider}/{self.model}")


@dataclass(frozen=True, slots=True)
class Model:
    """A name that callers may use, and the targets that serve it, in the operator's order.

    `multiplier` scales the credit price of a call; `attempts` bounds the attempts of one call over all targets.
    """

    name: str
    targets: tuple[Target, ...]
    strategy: str = "ordered"
    multiplier: Decimal = Decimal(1)
    attempts: int = 3
    owned_by: str = "tollbar"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every model by name, aliases, and the names that the simple endpoints use.

    `open_providers` serve any `provider/model` without a list; each value makes the target of a model's name, since
    only its provider knows the price. `families` are (prefix, open provider): bare names such as `gpt-4o`. `attempts`
    bounds a call of such a model, which nobody declared. `keyless` are the beginnings of names that would be served if
    the environment had a vendor's key, each with the name of that variable.
    """

    models: Mapping[str, Model]
    aliases: Mapping[str, str] = field(default_factory=dict)
    open_providers: Mapping[str, Callable[[str], Target]] = field(default_factory=dict)
    families: tuple[tuple[str, str], ...] = ()
    keyless: Mapping[str, str] = field(default_factory=dict)
    default_model: str = ""
    default_local_model: str = ""
    attempts: int = 3


class Plan(NamedTuple):
    """The targets of one call in the order in which they will be tried; never empty.

    `reason` says why this order; `skipped` names what was left out and why.
    """

    model: Model
    targets: tuple[Target, ...]
    reason: str
    skipped: tuple[tuple[str, str], ...] = ()


class Call(NamedTuple):
    """A request bound to one target: all that a provider is told.

    `deadline` is in monotonic seconds; `bound` is the time-out that it comes from, a setting of `timeouts`. `caller`
    and `tier` are the key's id and tier, for those who share something out among keys.
    """

    request: CompletionRequest
    target: Target
    deadline: float
    request_id: str
    bound: str = "total"
    caller: str = ""
    tier: str = ""
