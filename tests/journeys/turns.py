"""What follows a question in six dialects: the call of a tool, and its result, in words or with a picture."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.journeys.asking import PICTURE

NUMBER, PAGE_SEVEN = "call_7", "Page seven."
ARGUMENTS: Mapping[str, int] = {"page": 7}
_WRITTEN = '{"page": 7}'
_ADDRESS = f"data:image/png;base64,{PICTURE}"

Turns = list[dict[str, Any]]


def _chat(is_picture: bool) -> Turns:
    call = {"id": NUMBER, "type": "function", "function": {"name": "look_up", "arguments": _WRITTEN}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": NUMBER, "content": PAGE_SEVEN},
    ]


def _responses(is_picture: bool) -> Turns:
    parts = [{"type": "input_text", "text": PAGE_SEVEN}, {"type": "input_image", "image_url": _ADDRESS}]
    return [
        {"type": "function_call", "call_id": NUMBER, "name": "look_up", "arguments": _WRITTEN},
        {"type": "function_call_output", "call_id": NUMBER, "output": parts if is_picture else PAGE_SEVEN},
    ]


def _anthropic(is_picture: bool) -> Turns:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
    parts = [{"type": "text", "text": PAGE_SEVEN}, picture]
    result = {"type": "tool_result", "tool_use_id": NUMBER, "content": parts if is_picture else PAGE_SEVEN}
    call = {"type": "tool_use", "id": NUMBER, "name": "look_up", "input": dict(ARGUMENTS)}
    return [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]


def _gemini(is_picture: bool) -> Turns:
    more = {"parts": [{"inlineData": {"mimeType": "image/png", "data": PICTURE}}]} if is_picture else {}
    result = {"id": NUMBER, "name": "look_up", "response": {"output": PAGE_SEVEN}, **more}
    call = {"id": NUMBER, "name": "look_up", "args": dict(ARGUMENTS)}
    return [
        {"role": "model", "parts": [{"functionCall": call}]},
        {"role": "user", "parts": [{"functionResponse": result}]},
    ]


def _ollama(is_picture: bool) -> Turns:
    pictures = {"images": [PICTURE]} if is_picture else {}
    call = {"function": {"name": "look_up", "arguments": dict(ARGUMENTS)}}
    return [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": PAGE_SEVEN, "tool_name": "look_up", **pictures},
    ]


TURNS: Mapping[str, Callable[[bool], Turns]] = {
    "openai": _chat,
    "responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "ollama": _ollama,
}
"""The turns of each dialect that has words for them."""


Frames = Iterable[tuple[str, str]]
"""The frames of a stream, or one document."""


def _told(frames: Frames) -> Turns:
    return [json.loads(data) for _, data in frames if data != "[DONE]"]


def _responses_again(frames: Frames) -> Turns:
    """The items of the answer, put together as a client does, and the tool's result."""
    items: dict[int, dict[str, Any]] = {}
    for step in _told(frames):
        match step.get("type"):
            case None:
                items = dict(enumerate(step["output"]))
            case "response.output_item.added" | "response.output_item.done":
                items[step["output_index"]] = step["item"]
            case "response.function_call_arguments.delta":
                items[step["output_index"]]["arguments"] += step["delta"]
    return [*(items[place] for place in sorted(items)), *_responses(False)[1:]]


def _anthropic_again(frames: Frames) -> Turns:
    """The blocks of the answer, put together as a client does, and the tool's result."""
    blocks: Turns = []
    for event in _told(frames):
        match event["type"]:
            case "message":
                blocks = event["content"]
            case "content_block_start":
                blocks.append(event["content_block"])
            case "content_block_delta":
                for name, piece in event["delta"].items():
                    if name in ("thinking", "signature", "text"):
                        blocks[-1][name] += piece
                    elif name == "partial_json":
                        blocks[-1]["json"] = blocks[-1].get("json", "") + piece
    for block in blocks:
        block |= {"input": json.loads(block.pop("json"))} if "json" in block else {}
    return [{"role": "assistant", "content": blocks}, *_anthropic(False)[1:]]


def _gemini_again(frames: Frames) -> Turns:
    parts = [part for told in _told(frames) for one in told.get("candidates", ()) for part in one["content"]["parts"]]
    return [{"role": "model", "parts": parts}, *_gemini(False)[1:]]


def _chat_again(frames: Frames) -> Turns:
    """The call and the proven thoughts as they came, with whatever stood in them."""
    call: dict[str, Any] = {}
    details: Turns = []
    for told in _told(frames):
        for choice in told["choices"]:
            said = choice.get("message") or choice["delta"]
            details += said.get("reasoning_details") or ()
            for piece in said.get("tool_calls") or ():
                arguments = call.get("function", {}).get("arguments", "") + piece["function"]["arguments"]
                call |= piece
                call["function"] = {"name": "look_up", "arguments": arguments}
    thoughts = {"reasoning_details": details} if details else {}
    return [{"role": "assistant", "content": None, "tool_calls": [call], **thoughts}, *_chat(False)[1:]]


AGAIN: Mapping[str, Callable[[Frames], Turns]] = {
    "openai": _chat_again,
    "responses": _responses_again,
    "anthropic": _anthropic_again,
    "gemini": _gemini_again,
}
"""What the client of a dialect that knows proofs sends on: the answer that it was given, and the tool's result."""
