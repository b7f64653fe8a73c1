"""What is asked for that is no completion: vectors of texts, or something that is passed on as it is.

An errand is a request like any other to the gateway: it is let in, held, tried, metered and recorded on the same road.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tollbar.domain.usage import Usage


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts whose vectors are wanted; `unmodelled` names the caller's knobs that have no place here."""

    inputs: tuple[str, ...]
    dimensions: int | None = None
    unmodelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vectors:
    """A vector for each text, in their order, by the model that made them."""

    model: str
    values: tuple[tuple[float, ...], ...]
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Embedding:
    """Vectors are wanted: `texts` reads of what, and `written` tells them as the caller's dialect does.

    Only a provider of another dialect calls the two.
    """

    texts: Callable[[], Texts]
    written: Callable[[Vectors], bytes]


@dataclass(frozen=True, slots=True)
class Errand:
    """`path` is where a provider has it, below its base address; `content_type` what the caller's body is.

    Without an `embedding` nothing is known of it but that its body goes on: it is counted in requests, and in tokens
    only as far as its answer tells.
    """

    path: str
    content_type: str = "application/json"
    embedding: Embedding | None = None
