"""Six dialects as their clients write and read them, by hand: what the matrix asks with, and what it hears.

tongue = TONGUES["anthropic"]
path, body = tongue.asks("lab/ok", "tools", True)
heard = tongue.hears(answer, is_stream=True)
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.journeys import asking, hearing
from tests.journeys.hearing import Heard

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tongue:
    """One dialect: where and how a client asks, and how it understands each document or frame of an answer."""

    asks: Callable[[str, str, bool], tuple[str, Fields]]
    understands: Callable[[Heard, Fields, str], None]
    fault: Callable[[Fields, int], str]
    frames: Callable[[bytes], Iterator[tuple[str, str]]]

    def hears(self, raw: bytes, is_stream: bool) -> Heard:
        """What an answer says."""
        heard = Heard()
        for kind, data in self.frames(raw) if is_stream else [("", raw.decode())]:
            if data == "[DONE]":
                heard.has_ended = True
            else:
                self.understands(heard, json.loads(data), kind)
        return heard.whole()


TONGUES: Mapping[str, Tongue] = {
    "openai": Tongue(asking.chat, hearing.hear_chat, hearing.openai_fault, hearing.events),
    "responses": Tongue(asking.responses, hearing.hear_response, hearing.openai_fault, hearing.events),
    "completions": Tongue(asking.text, hearing.hear_chat, hearing.openai_fault, hearing.events),
    "anthropic": Tongue(asking.anthropic, hearing.hear_message, hearing.anthropic_fault, hearing.events),
    "gemini": Tongue(asking.gemini, hearing.hear_generation, hearing.google_fault, hearing.pieces),
    "ollama": Tongue(asking.ollama, hearing.hear_ollama, hearing.ollama_fault, hearing.lines),
}
