"""What a provider is told that does not speak the caller's dialect: the messages, the tools, and how to answer.

The model, the length, the number of choices and whether to stream are in the request's head and are not said again.
"""

from dataclasses import dataclass
from enum import StrEnum

from tollbar.domain.messages import Message


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; `parameters` is its JSON schema as JSON text, None for no parameters.

    `is_strict` says that arguments must fit the schema; None leaves it to the provider.
    """

    name: str
    description: str | None = None
    parameters: str | None = None
    is_strict: bool | None = None


class Calling(StrEnum):
    """Whether the model calls tools: as it likes, never, or at least one."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class NamedTool:
    """The model must call this tool."""

    name: str


ToolChoice = Calling | NamedTool


class Format(StrEnum):
    """What shape the answer's text has."""

    TEXT = "text"
    JSON = "json"
    SCHEMA = "schema"


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """The shape of the answer; `schema` is JSON text, with a name, where the format is `SCHEMA`."""

    format: Format
    name: str = ""
    schema: str | None = None
    description: str | None = None
    is_strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How words are chosen; what is None is left to the provider."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CachePoint:
    """The provider may keep what it has read up to the end of a part of a message, or of a tool where that is None.

    Messages, parts and tools are counted from 0; `ttl` is how long to keep it (`5m`, `1h`), where the caller said so.
    """

    message: int | None
    part: int
    ttl: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """All of a request that its head does not say.

    `effort` is how long a model may think (`low`, `medium`, `high`, or the provider's own words), `thinking_tokens` the
    same as a count of tokens, 0 for not at all; `calls_in_parallel` whether it may call several tools at once.
    `unmodelled` names the caller's knobs that have no place here: who sends the conversation on has dropped them.
    `cache_points` are in `unmodelled` too, as `cache_control`: few providers are told of them, and those take it out.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    calls_in_parallel: bool | None = None
    sampling: Sampling = Sampling()
    output: OutputFormat | None = None
    effort: str | None = None
    thinking_tokens: int | None = None
    unmodelled: tuple[str, ...] = ()
    cache_points: tuple[CachePoint, ...] = ()
