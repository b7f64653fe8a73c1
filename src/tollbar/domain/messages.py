"""A conversation as plain values: messages made of parts.

Only codecs that translate build these; a call that is relayed in its own dialect never does.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who speaks. `developer` instructions are read as `system`."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True)
class OtherPart:
    """Content that is no text (an image, audio, a file, a tool call), under the name its dialect gives it."""

    kind: str


Part = TextPart | OtherPart


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The words of the message, parts joined by newlines."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a provider that does not speak the caller's dialect is told."""

    messages: tuple[Message, ...]
