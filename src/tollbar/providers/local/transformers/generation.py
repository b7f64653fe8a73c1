"""Bounds for a model's making of text, put around `generate`: what `transformers serve` has no option for.

It makes one answer after the other, in a thread of its own. Before each, this sees to it that the conversation fits
into the context, that chance begins at the seed, and that a temperature has an effect where the model's own settings
would have it take the likeliest word; and it ends one that nobody waits for, at its next token.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Generate = Callable[..., Any]


@dataclass(slots=True)
class Wanted:
    """What one answer is to be like; `is_over` once nobody waits for it. `refusal` is why none can be made."""

    seed: int | None = None
    samples: bool = False
    is_over: threading.Event = field(default_factory=threading.Event)
    refusal: str = ""


class Desk:
    """Where the answer that is to be made next lies; one at a time does."""

    def __init__(self, context_tokens: int, seed: Callable[[int], object]) -> None:
        self._context_tokens = context_tokens
        self._seed = seed
        self.wanted = Wanted()

    def bound(self, generate: Generate) -> Generate:
        """The same method of models, within the bounds."""

        def generate_within(model: object, *arguments: Any, **options: Any) -> Any:
            wanted = self.wanted
            settings, prompt = options["generation_config"], options["input_ids"].shape[-1]
            if prompt >= self._context_tokens:
                wanted.refusal = (
                    f"The conversation has {prompt} tokens, and the context has room for {self._context_tokens} with "
                    "the answer."
                )
                raise ValueError(wanted.refusal)
            settings.max_new_tokens = min(settings.max_new_tokens, self._context_tokens - prompt)
            if wanted.samples:
                settings.do_sample = True
            if wanted.seed is not None:
                self._seed(wanted.seed)
            return generate(model, *arguments, **{**options, "streamer": Watched(options["streamer"], wanted)})

        return generate_within


class Watched:
    """A streamer that ends the making of an answer as soon as nobody waits for it."""

    def __init__(self, streamer: Any, wanted: Wanted) -> None:
        self._streamer = streamer
        self._wanted = wanted

    def put(self, value: Any) -> None:
        """Passes tokens on; raises InterruptedError when nobody waits for them."""
        if self._wanted.is_over.is_set():
            raise InterruptedError("nobody waits for the answer")
        self._streamer.put(value)

    def end(self) -> None:
        """Passes on that it is the end."""
        self._streamer.end()
