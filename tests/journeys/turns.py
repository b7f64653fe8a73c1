"""What follows a question in six dialects: the call of a tool, and its result, in words or with a picture."""

from collections.abc import Callable, Mapping
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
