"""The bounds around `generate`: context, seed, chance, and an end when nobody waits."""

from types import SimpleNamespace
from typing import Any

import pytest

from tollbar.providers.local.transformers.generation import Desk, Wanted


class Scene:
    """A model whose `generate` writes down what it is called with, and puts two tokens."""

    def __init__(self, wanted: Wanted, prompt: int = 10, most: int = 1_000) -> None:
        self.seeds: list[int] = []
        self.put: list[object] = []
        self.settings = SimpleNamespace(max_new_tokens=most, do_sample=False)
        self.desk = Desk(64, self.seeds.append)
        self.desk.wanted = wanted
        self._prompt = SimpleNamespace(shape=(1, prompt))

    def run(self) -> None:
        """One answer."""

        def generate(model: object, streamer: Any, **_: Any) -> None:
            for token in (model, "two"):
                streamer.put(token)
            streamer.end()

        streamer = SimpleNamespace(put=self.put.append, end=lambda: self.put.append("end"))
        bound = self.desk.bound(generate)
        bound("one", input_ids=self._prompt, generation_config=self.settings, streamer=streamer)


def test_an_answer_has_what_the_context_leaves() -> None:
    """And no more than was asked for; chance stays as the model's settings have it."""
    scene, short = Scene(Wanted()), Scene(Wanted(), most=5)
    scene.run()
    short.run()
    assert (scene.settings.max_new_tokens, short.settings.max_new_tokens) == (54, 5)
    assert (scene.settings.do_sample, scene.seeds, scene.put) == (False, [], ["one", "two", "end"])


def test_seed_and_temperature_take_effect() -> None:
    """Chance begins at the seed, and a temperature is no mere word."""
    scene = Scene(Wanted(seed=7, samples=True))
    scene.run()
    assert (scene.seeds, scene.settings.do_sample) == ([7], True)


def test_a_conversation_that_is_too_long_is_refused() -> None:
    """With both figures, and nothing is made."""
    scene = Scene(Wanted(), prompt=64)
    with pytest.raises(ValueError, match="64 tokens"):
        scene.run()
    assert "room for 64" in scene.desk.wanted.refusal
    assert scene.put == []


def test_nobody_waits() -> None:
    """The next token is the last that is computed."""
    scene = Scene(Wanted())
    scene.desk.wanted.is_over.set()
    with pytest.raises(InterruptedError):
        scene.run()
    assert scene.put == []
