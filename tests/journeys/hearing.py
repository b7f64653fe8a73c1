"""What clients of six dialects understand of an answer, whole or one frame of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Fields = dict[str, Any]


@dataclass(slots=True)
class Heard:
    """What a client understood of an answer."""

    text: str = ""
    thoughts: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    tokens: tuple[int, int] | None = None
    has_ended: bool = False
    fault: str = ""
    _arguments: dict[int, str] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)

    def call(self, index: int, name: str = "", arguments: str = "") -> None:
        """Notes a piece of a call."""
        self._names[index] = self._names.get(index, "") + name
        self._arguments[index] = self._arguments.get(index, "") + arguments

    def whole(self) -> "Heard":
        """The same with its calls put together."""
        self.calls += [(name, json.loads(self._arguments[index])) for index, name in sorted(self._names.items())]
        return self


def events(raw: bytes) -> Iterator[tuple[str, str]]:
    """The name and the data of each event of a stream."""
    for event in raw.decode().replace("\r\n", "\n").split("\n\n"):
        fields = {name: value for name, _, value in (line.partition(": ") for line in event.splitlines())}
        if "data" in fields:
            yield fields.get("event", ""), fields["data"]


def pieces(raw: bytes) -> Iterator[tuple[str, str]]:
    """The data of each event of a stream of Google's, where a failure stands bare."""
    for event in raw.decode().replace("\r\n", "\n").split("\n\n"):
        if event:
            assert event.startswith(("data: ", '{"error":'))  # as Google's SDKs look for them
            yield "", event.removeprefix("data: ")


def lines(raw: bytes) -> Iterator[tuple[str, str]]:
    """The lines of a stream of Ollama's."""
    return (("", line) for line in raw.decode().splitlines() if line)


def hear_chat(heard: Heard, told: Fields, _: str) -> None:
    """A chat's document or chunk, or an older completion's."""
    if "error" in told:
        heard.fault = told["error"]["message"]
        return
    for choice in told["choices"]:
        said = choice.get("delta") or choice.get("message") or {}
        heard.text += said.get("content") or choice.get("text") or ""
        heard.thoughts += said.get("reasoning_content") or ""
        for place, call in enumerate(said.get("tool_calls") or ()):
            function = call["function"]
            heard.call(call.get("index", place), function.get("name") or "", function.get("arguments") or "")
        heard.has_ended |= choice.get("finish_reason") is not None and "message" in choice
        heard.has_ended |= told["object"] == "text_completion" and choice.get("finish_reason") is not None
    if usage := told.get("usage"):
        heard.tokens = usage["prompt_tokens"], usage["completion_tokens"]


def openai_fault(told: Fields, status: int) -> str:
    """Which field a refusal names, or what a failure says."""
    error = told["error"]
    assert {"message", "type", "param", "code"} <= set(error)
    return error["param"] or error["message"] if status == 400 else error["message"]


def hear_response(heard: Heard, told: Fields, kind: str) -> None:
    """A response, or an event of one."""
    match kind:
        case "response.output_text.delta":
            heard.text += told["delta"]
        case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
            heard.thoughts += told["delta"]
        case "response.output_item.added" if told["item"]["type"] == "function_call":
            heard.call(told["output_index"], told["item"]["name"])
        case "response.function_call_arguments.delta":
            heard.call(told["output_index"], arguments=told["delta"])
        case "error":
            heard.fault = told["message"]
        case "response.failed":
            heard.fault = told["response"]["error"]["message"]
        case "response.completed":
            heard.has_ended = True
            _usage_of_response(heard, told["response"])
        case "":
            heard.has_ended = told["status"] == "completed"
            _usage_of_response(heard, told)
            for place, item in enumerate(told["output"]):
                heard.text += "".join(part["text"] for part in item.get("content") or () if item["type"] == "message")
                heard.thoughts += "".join(part["text"] for part in item.get("summary") or ())
                if item["type"] == "function_call":
                    heard.call(place, item["name"], item["arguments"])


def _usage_of_response(heard: Heard, told: Fields) -> None:
    if usage := told["usage"]:
        heard.tokens = usage["input_tokens"], usage["output_tokens"]


def hear_message(heard: Heard, told: Fields, _: str) -> None:
    """A message, or an event of one."""
    match told["type"]:
        case "message":
            for index, block in enumerate(told["content"]):
                _block(heard, index, block)
                if block["type"] == "tool_use":
                    heard.call(index, arguments=json.dumps(block["input"]))
            heard.has_ended = told["stop_reason"] is not None
            heard.tokens = told["usage"]["input_tokens"], told["usage"]["output_tokens"]
        case "message_start":
            heard.tokens = told["message"].get("usage", {}).get("input_tokens", 0), 0
        case "content_block_start":
            _block(heard, told["index"], told["content_block"])
        case "content_block_delta":
            delta = told["delta"]
            heard.text += delta.get("text", "")
            heard.thoughts += delta.get("thinking", "")
            if "partial_json" in delta:
                heard.call(told["index"], arguments=delta["partial_json"])
        case "message_delta":
            inputs = told["usage"].get("input_tokens") or (heard.tokens or (0, 0))[0]
            heard.tokens = inputs, told["usage"]["output_tokens"]
        case "message_stop":
            heard.has_ended = True
        case "error":
            heard.fault = told["error"]["message"]


def _block(heard: Heard, index: int, block: Fields) -> None:
    heard.text += block.get("text", "")
    heard.thoughts += block.get("thinking", "")
    if block["type"] == "tool_use":
        heard.call(index, block["name"])


def anthropic_fault(told: Fields, status: int) -> str:
    """What a failure says."""
    assert (told["type"], set(told["error"])) == ("error", {"type", "message"})
    return told["error"]["message"]


def hear_generation(heard: Heard, told: Fields, _: str) -> None:
    """A generation, or a piece of one."""
    if "error" in told:
        heard.fault = told["error"]["message"]
        return
    for candidate in told.get("candidates", ()):
        for part in candidate.get("content", {}).get("parts", ()):
            if part.get("thought"):
                heard.thoughts += part["text"]
            elif "functionCall" in part:
                heard.calls.append((part["functionCall"]["name"], part["functionCall"]["args"]))
            else:
                heard.text += part.get("text", "")
        heard.has_ended |= "finishReason" in candidate
    if usage := told.get("usageMetadata"):
        thoughts = usage.get("thoughtsTokenCount", 0)
        heard.tokens = usage["promptTokenCount"], usage.get("candidatesTokenCount", 0) + thoughts


def google_fault(told: Fields, status: int) -> str:
    """What a failure says."""
    error = told["error"]
    assert error["code"] == status
    assert error["status"].isupper()
    return error["message"]


def hear_ollama(heard: Heard, told: Fields, _: str) -> None:
    """A line, or a document, of Ollama's."""
    if "error" in told:
        heard.fault = told["error"]
        return
    message = told["message"]
    heard.text += message.get("content") or ""
    heard.thoughts += message.get("thinking") or ""
    heard.calls += [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls", ())]
    if told["done"]:
        heard.has_ended = True
        heard.tokens = told["prompt_eval_count"], told["eval_count"]


def ollama_fault(told: Fields, status: int) -> str:
    """What a failure says."""
    assert isinstance(told["error"], str)
    return told["error"]
