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
    refusal: str = ""
    """Words for declining, or the word by which an answer says that it was declined."""
    ended_by: str = ""
    cached: tuple[int, int] = (0, 0)
    """Tokens read from a cache, and written to one."""
    sources: list[str] = field(default_factory=list)
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
        heard.refusal += said.get("refusal") or ""
        heard.refusal += choice["finish_reason"] if choice.get("finish_reason") == "content_filter" else ""
        heard.ended_by += choice.get("stop_reason") or ""
        heard.sources += [one["url_citation"]["url"] for one in said.get("annotations") or ()]
        for place, call in enumerate(said.get("tool_calls") or ()):
            function = call["function"]
            heard.call(call.get("index", place), function.get("name") or "", function.get("arguments") or "")
        heard.has_ended |= choice.get("finish_reason") is not None and "message" in choice
        heard.has_ended |= told["object"] == "text_completion" and choice.get("finish_reason") is not None
    if usage := told.get("usage"):
        heard.tokens = usage["prompt_tokens"], usage["completion_tokens"]
        details = usage.get("prompt_tokens_details") or {}
        heard.cached = details.get("cached_tokens", 0), details.get("cache_write_tokens", 0)


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
        case "response.refusal.delta":
            heard.refusal += told["delta"]
        case "response.output_text.annotation.added":
            heard.sources.append(told["annotation"]["url"])
        case "response.function_call_arguments.delta":
            heard.call(told["output_index"], arguments=told["delta"])
        case "error":
            heard.fault = told["message"]
        case "response.failed":
            heard.fault = told["response"]["error"]["message"]
        case "response.completed" | "response.incomplete":
            _end_of_response(heard, told["response"])
        case "":
            _end_of_response(heard, told)
            for place, item in enumerate(told["output"]):
                for part in item.get("content") or () if item["type"] == "message" else ():
                    heard.text += part.get("text", "")
                    heard.refusal += part.get("refusal", "")
                    heard.sources += [one["url"] for one in part.get("annotations", ())]
                heard.thoughts += "".join(part["text"] for part in item.get("summary") or ())
                if item["type"] == "function_call":
                    heard.call(place, item["name"], item["arguments"])


def _end_of_response(heard: Heard, told: Fields) -> None:
    heard.has_ended = told["status"] in ("completed", "incomplete")
    heard.refusal += (told["incomplete_details"] or {}).get("reason", "")
    if usage := told["usage"]:
        heard.tokens = usage["input_tokens"], usage["output_tokens"]
        details = usage["input_tokens_details"]
        heard.cached = details["cached_tokens"], details["cache_write_tokens"]


def hear_message(heard: Heard, told: Fields, _: str) -> None:
    """A message, or an event of one."""
    match told["type"]:
        case "message":
            for index, block in enumerate(told["content"]):
                _block(heard, index, block)
                if block["type"] == "tool_use":
                    heard.call(index, arguments=json.dumps(block["input"]))
            heard.has_ended = told["stop_reason"] is not None
            _end_of_message(heard, told, told["usage"])
        case "message_start":
            _end_of_message(heard, told["message"], told["message"].get("usage", {}))
        case "content_block_start":
            _block(heard, told["index"], told["content_block"])
        case "content_block_delta":
            delta = told["delta"]
            heard.text += delta.get("text", "")
            heard.thoughts += delta.get("thinking", "")
            if "partial_json" in delta:
                heard.call(told["index"], arguments=delta["partial_json"])
            if "citation" in delta:
                heard.sources.append(delta["citation"]["url"])
        case "message_delta":
            _end_of_message(heard, told["delta"], told["usage"])
        case "message_stop":
            heard.has_ended = True
        case "error":
            heard.fault = told["error"]["message"]


def _end_of_message(heard: Heard, told: Fields, usage: Fields) -> None:
    heard.refusal += "refusal" if told.get("stop_reason") == "refusal" else ""
    heard.ended_by += told.get("stop_sequence") or ""
    names = ("cache_read_input_tokens", "cache_creation_input_tokens")
    read, written = (usage.get(name) or before for name, before in zip(names, heard.cached, strict=True))
    heard.cached = read, written
    inputs = usage["input_tokens"] + read + written if usage.get("input_tokens") else (heard.tokens or (0, 0))[0]
    heard.tokens = inputs, usage.get("output_tokens", 0)


def _block(heard: Heard, index: int, block: Fields) -> None:
    heard.text += block.get("text", "")
    heard.sources += [one["url"] for one in block.get("citations") or ()]
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
        heard.refusal += "SAFETY" if candidate.get("finishReason") == "SAFETY" else ""
        chunks = candidate.get("groundingMetadata", {}).get("groundingChunks", ())
        heard.sources += [chunk["web"]["uri"] for chunk in chunks]
    if usage := told.get("usageMetadata"):
        thoughts = usage.get("thoughtsTokenCount", 0)
        heard.tokens = usage["promptTokenCount"], usage.get("candidatesTokenCount", 0) + thoughts
        heard.cached = usage.get("cachedContentTokenCount", 0), 0


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
