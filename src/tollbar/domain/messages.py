"""Messages as plain values, made of parts: the words, and everything else that one dialect says and another must hear.

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
class Link:
    """Content that lies elsewhere."""

    url: str


@dataclass(frozen=True, slots=True)
class Inline:
    """Content that came along: its media type, and its bytes as base64."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was given to the provider before, by the provider's id of it."""

    id: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A source of some words: where it lies or what it is called, what it says there, and which words rest on it.

    `start` and `end` count characters of the text that cites; None where the whole of it does.
    """

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words, and what they rest on."""

    text: str
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture; `detail` is how closely to look (`low`, `high`, `auto`), where the caller said so."""

    source: Link | Inline
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class AudioPart:
    """Sound, as base64, in a format such as `wav` or `mp3`."""

    data: str
    format: str


@dataclass(frozen=True, slots=True)
class FilePart:
    """A document."""

    source: Link | Inline | Upload
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ThinkingPart:
    """What the assistant thought before it spoke; `signature` is the provider's proof of it, to be sent back as it is.

    Of redacted thoughts there is no text, and the signature holds them, encrypted.
    """

    text: str
    signature: str | None = None
    is_redacted: bool = False


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """The assistant calls a tool; `arguments` is JSON as the model wrote it, which need not be valid.

    A `signature` proves the thoughts that led to the call, to be sent back as it is.
    """

    id: str
    name: str
    arguments: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    """What the tool answered to the call of that id."""

    call_id: str
    parts: tuple["TextPart | ImagePart | OtherPart", ...]
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class RefusalPart:
    """The assistant's words for declining."""

    text: str


@dataclass(frozen=True, slots=True)
class OtherPart:
    """Content that nobody here knows, under the name its dialect gives it."""

    kind: str


Part = (
    TextPart | ImagePart | AudioPart | FilePart | ThinkingPart | ToolCallPart | ToolResultPart | RefusalPart | OtherPart
)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The words of the message, those of tools' answers included, parts joined by newlines."""
        return words(self.parts)


def words(parts: tuple[Part, ...]) -> str:
    """The words among some parts, joined by newlines."""
    found: list[str] = []
    for part in parts:
        if isinstance(part, TextPart):
            found.append(part.text)
        elif isinstance(part, ToolResultPart):
            found.append(words(part.parts))
    return "\n".join(found)
