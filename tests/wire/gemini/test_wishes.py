"""What Google's callers wish of an answer, as others must hear it."""

import json
from typing import Any

import pytest

from tollbar.domain.conversation import Calling, Conversation, Format, NamedTool, OutputFormat, Sampling, Tool
from tollbar.domain.errors import InvalidValue
from tollbar.wire.dialect import Incoming
from tollbar.wire.gemini.request import decode


def read(config: dict[str, Any] | None = None, **fields: Any) -> Conversation:
    """The conversation of a request with these wishes."""
    body = {"contents": [], **({"generationConfig": config} if config is not None else {}), **fields}
    return decode(Incoming(json.dumps(body).encode(), name="m"), stream=False).source.expand()


def test_sampling() -> None:
    """Under either spelling."""
    told = {"temperature": 1, "top_p": 0.5, "topK": 64.0, "seed": 7, "stop_sequences": ["x"], "presencePenalty": 0.5}
    expected = Sampling(temperature=1, top_p=0.5, top_k=64, seed=7, stop=("x",), presence_penalty=0.5)
    assert read(told).sampling == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, (None, None)),
        ({"thinkingBudget": -1, "includeThoughts": True}, (None, None)),
        ({"thinking_budget": 0}, (None, 0)),
        ({"thinkingLevel": "LOW"}, ("low", None)),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, (None, None)),
    ],
)
def test_thinking(told: dict[str, Any], expected: tuple[str | None, int | None]) -> None:
    """By count or by word; minus one leaves it to the model."""
    found = read({"thinkingConfig": told})
    assert (found.effort, found.thinking_tokens) == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, None),
        ({"responseMimeType": "text/plain"}, OutputFormat(Format.TEXT)),
        ({"responseMimeType": "application/json"}, OutputFormat(Format.JSON)),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
            OutputFormat(Format.SCHEMA, "response", '{"type":"string"}'),
        ),
        (
            {"response_mime_type": "application/json", "response_json_schema": {"type": "string"}},
            OutputFormat(Format.SCHEMA, "response", '{"type": "string"}'),
        ),
        ({"responseModalities": ["TEXT"]}, None),
    ],
)
def test_formats(config: dict[str, Any], expected: OutputFormat | None) -> None:
    """Google's own schemas and plain ones."""
    assert read(config).output == expected


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"responseModalities": ["TEXT", "IMAGE"]}, "generationConfig.responseModalities"),
        ({"responseMimeType": "text/x.enum"}, "generationConfig.responseMimeType"),
        ({"responseLogprobs": True}, "generationConfig.responseLogprobs"),
    ],
)
def test_an_answer_of_another_making_is_refused(config: dict[str, Any], field: str) -> None:
    """By its path."""
    with pytest.raises(InvalidValue) as fault:
        read(config)
    assert fault.value.field == field


TOOLS = [
    {
        "functionDeclarations": [
            {"name": "f", "description": "d", "parameters": {"type": "OBJECT"}},
            {"name": "g", "parametersJsonSchema": {"type": "object"}},
            {"name": "h"},
        ]
    }
]


def test_tools() -> None:
    """With their schemas in either kind."""
    assert read(tools=TOOLS).tools == (
        Tool("f", "d", '{"type":"object"}'),
        Tool("g", None, '{"type": "object"}'),
        Tool("h"),
    )


@pytest.mark.parametrize(
    ("told", "choice", "names"),
    [
        ({"mode": "AUTO"}, Calling.AUTO, "fgh"),
        ({"mode": "NONE"}, Calling.NONE, "fgh"),
        ({"mode": "ANY"}, Calling.REQUIRED, "fgh"),
        ({"mode": "ANY", "allowedFunctionNames": ["g"]}, NamedTool("g"), "fgh"),
        ({"mode": "ANY", "allowed_function_names": ["g", "h"]}, Calling.REQUIRED, "gh"),
        ({"mode": "VALIDATED"}, Calling.AUTO, "fgh"),
        ({"mode": "MODE_UNSPECIFIED"}, None, "fgh"),
        ({}, None, "fgh"),
    ],
)
def test_which_tool_to_call(told: dict[str, Any], choice: object, names: str) -> None:
    """To call one of some is to have no others."""
    found = read(tools=TOOLS, toolConfig={"functionCallingConfig": told})
    assert (found.tool_choice, "".join(tool.name for tool in found.tools)) == (choice, names)


def test_a_mode_that_nobody_knows_is_refused() -> None:
    """By its path."""
    with pytest.raises(InvalidValue, match=r"toolConfig\.functionCallingConfig\.mode"):
        read(toolConfig={"functionCallingConfig": {"mode": "SOMETIMES"}})


def test_knobs_without_a_place_are_told_by_their_paths() -> None:
    """Safety, labels, resolution, what functions answer; nothing that is empty."""
    tools = [{"functionDeclarations": [{"name": "f", "response": {"type": "STRING"}}]}]
    choice = {"functionCallingConfig": {"mode": "VALIDATED"}, "retrievalConfig": {"languageCode": "en"}}
    found = read(
        {"mediaResolution": "MEDIA_RESOLUTION_LOW", "speechConfig": {}},
        safetySettings=[{"category": "x"}],
        labels={},
        tools=tools,
        toolConfig=choice,
    )
    assert found.unmodelled == (
        "safetySettings",
        "generationConfig.mediaResolution",
        "toolConfig.retrievalConfig",
        "toolConfig.functionCallingConfig.mode",
        "tools.functionDeclarations.response",
    )
