"""What a request in Google's dialect wishes of the answer: tools, words, format and thought; and the rest of its knobs.

A wish that changes what the answer is made of and that nobody else can be told of is refused by name.
"""

import json
from collections.abc import Iterator

from tollbar.domain.conversation import (
    Calling,
    Format,
    NamedTool,
    OutputFormat,
    Sampling,
    Tool,
    ToolChoice,
)
from tollbar.domain.errors import InvalidValue
from tollbar.wire.gemini.members import Members
from tollbar.wire.gemini.schema import json_schema, lower_types

SCHEMA_NAME = "response"
"""What a schema is called for providers that want a name: Google's have none."""
_ASKED = frozenset({"contents", "tools", "toolConfig", "systemInstruction", "generationConfig", "model"})
_CONFIGURED = frozenset(
    (
        *("temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "seed"),
        *("presencePenalty", "frequencyPenalty", "responseMimeType", "responseSchema", "responseJsonSchema"),
        *("thinkingConfig", "responseModalities", "responseLogprobs"),
    )
)
_MODES = {"AUTO": Calling.AUTO, "VALIDATED": Calling.AUTO, "ANY": Calling.REQUIRED, "NONE": Calling.NONE}
_DYNAMIC = -1
"""The budget that leaves it to the model how long to think."""
_NOTHING = ("null", "false", "[]", "{}")


def sampling(config: Members) -> Sampling:
    """How words are chosen."""
    return Sampling(
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=config.whole("topK"),
        frequency_penalty=config.number("frequencyPenalty"),
        presence_penalty=config.number("presencePenalty"),
        seed=config.whole("seed"),
        stop=config.texts("stopSequences"),
    )


def output(config: Members) -> OutputFormat | None:
    """The shape of the answer; raises InvalidValue where it is to be more than text and JSON."""
    for modality in config.texts("responseModalities"):
        if modality.upper() != "TEXT":
            raise _refused(config.at("responseModalities"), modality)
    if config.flag("responseLogprobs"):
        raise _refused(config.at("responseLogprobs"), "true")
    media, schema = config.text("responseMimeType"), config.raw("responseJsonSchema")
    if schema is not None:
        schema = lower_types(schema)
    elif (told := config.raw("responseSchema")) is not None:
        schema = json_schema(told, config.at("responseSchema"))
    if media in (None, "text/plain"):
        return None if media is None else OutputFormat(Format.TEXT)
    if media != "application/json":
        raise _refused(config.at("responseMimeType"), media)
    return OutputFormat(Format.JSON) if schema is None else OutputFormat(Format.SCHEMA, SCHEMA_NAME, schema)


def thinking(config: Members) -> tuple[str | None, int | None]:
    """How long to think, as a word and as a count of tokens."""
    wanted = config.object("thinkingConfig")
    if wanted is None:
        return None, None
    level, budget = wanted.text("thinkingLevel"), wanted.whole("thinkingBudget")
    is_said = level is not None and level != "THINKING_LEVEL_UNSPECIFIED"
    return level.lower() if level and is_said else None, None if budget == _DYNAMIC else budget


def tools(asked: Members) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """The tools, and which of them to call; tools of Google's own are refused by name."""
    offered = tuple(_tools(asked))
    config = asked.object("toolConfig")
    wanted = config.object("functionCallingConfig") if config else None
    if wanted is None:
        return offered, None
    mode = wanted.text("mode") or "MODE_UNSPECIFIED"
    allowed = wanted.texts("allowedFunctionNames")
    if mode == "MODE_UNSPECIFIED":
        return offered, None
    if mode not in _MODES:
        raise InvalidValue(f"{wanted.at('mode')!r} must be one of {', '.join(_MODES)}.", field=wanted.at("mode"))
    if mode == "ANY" and len(allowed) == 1:
        return offered, NamedTool(allowed[0])
    if allowed:  # to call one of some is to have no others
        offered = tuple(tool for tool in offered if tool.name in allowed)
    return offered, _MODES[mode]


def unmodelled(asked: Members, config: Members) -> Iterator[str]:
    """The knobs that have no place in a conversation, by their paths."""
    yield from (name for name in asked if name not in _ASKED and asked.raw(name) not in _NOTHING)
    yield from (config.at(name) for name in config if name not in _CONFIGURED and config.raw(name) not in _NOTHING)
    choice = asked.object("toolConfig")
    if choice is not None:
        yield from (choice.at(name) for name in choice if name != "functionCallingConfig")
        wanted = choice.object("functionCallingConfig")
        if wanted is not None and wanted.text("mode") == "VALIDATED":
            yield wanted.at("mode")
    functions = [one for tool in asked.objects("tools") for one in tool.objects("functionDeclarations")]
    for name in ("response", "responseJsonSchema", "behavior"):
        if any(name in function for function in functions):
            yield f"tools.functionDeclarations.{name}"


def _tools(asked: Members) -> Iterator[Tool]:
    for tool in asked.objects("tools"):
        for name in tool:
            if name != "functionDeclarations":
                message = f"{tool.at(name)!r} is a tool of Google's own, which this model's provider cannot be given."
                raise InvalidValue(message, field=tool.at(name))
        for function in tool.objects("functionDeclarations"):
            yield Tool(function.text("name") or "", function.text("description"), _parameters(function))


def _parameters(function: Members) -> str | None:
    schema = function.raw("parametersJsonSchema")
    if schema is None and (told := function.raw("parameters")) is not None:
        return json_schema(told, function.at("parameters"))
    return None if schema is None else lower_types(schema)


def _refused(field: str, value: str) -> InvalidValue:
    return InvalidValue(f"{field!r} is {json.dumps(value[:64])}, which this model's provider cannot do.", field=field)
