"""A chat request on its way to `transformers serve`: what it is asked, and what has to be said of the answer.

That server passes over in silence what it cannot do, so a wish that would change the answer is refused here by name.
Always a stream is asked for: it is the one form that ends when the caller leaves.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Passed on as they are.
PASSED = frozenset({"top_p", "chat_template_kwargs"})
# Taken care of here, or for another's eyes.
READ = frozenset({"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "stop"})
READ |= {"seed", "temperature", "tools", "tool_choice", "logit_bias"}
# They say nothing about what the answer is to be.
IDLE = frozenset({"user", "metadata", "store", "service_tier", "safety_identifier", "prediction", "verbosity"})
IDLE |= {"prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "top_logprobs"}
# Wishes that can be granted in these forms alone.
ONLY: Mapping[str, tuple[object, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "response_format": ({"type": "text"},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "parallel_tool_calls": (True,),
}


class RefusedError(ValueError):
    """What is asked for cannot be done; `field` is the member at fault."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the body for the server, and what the answer's form and its making depend on."""

    body: bytes
    is_stream: bool
    wants_usage: bool
    stops: tuple[str, ...]
    seed: int | None
    samples: bool


def read(raw: bytes, path: str) -> Asked:
    """The request in a body, for the server that has the model of a folder; raises RefusedError."""
    try:
        found = json.loads(raw)
    except ValueError as fault:
        raise RefusedError(f"The body is no JSON: {fault}.", "") from None
    if not isinstance(found, dict) or not isinstance(found.get("messages"), list) or not found["messages"]:
        raise RefusedError("There are no messages.", "messages")
    given = {name: value for name, value in found.items() if value is not None}
    _check(given)
    temperature, seed = _number(given, "temperature", 0, 100), _number(given, "seed", -(2**63), 2**63 - 1)
    stops = _stops(given.get("stop", ()))
    asked = {
        **{name: given[name] for name in PASSED if name in given},
        "model": path,
        "stream": True,
        "messages": [_message(message) for message in given["messages"]],
        "max_tokens": given.get("max_completion_tokens", given.get("max_tokens", 1 << 30)),
    }
    if temperature is not None:
        asked["temperature"] = temperature
    if "logit_bias" in given:
        asked["logit_bias"] = _bias(given["logit_bias"])
    if stops:
        asked["stop"] = list(stops)
    if given.get("tools") and given.get("tool_choice", "auto") != "none":
        asked["tools"] = given["tools"]
    options = given.get("stream_options")
    return Asked(
        body=json.dumps(asked).encode(),
        is_stream=given.get("stream") is True,
        wants_usage=isinstance(options, dict) and options.get("include_usage") is True,
        stops=stops,
        seed=None if seed is None else int(seed),
        samples=bool(temperature),
    )


def _check(given: Mapping[str, Any]) -> None:
    """Raises RefusedError for the first wish that cannot be granted."""
    for name, value in given.items():
        if name in ONLY and value not in ONLY[name]:
            allowed = json.dumps(ONLY[name][0])
            raise RefusedError(f"A safetensors model does not do this: {name} can be {allowed} alone.", name)
        if name not in PASSED | READ | IDLE and name not in ONLY:
            raise RefusedError(f"A safetensors model does not do this: leave {name} out.", name)
    if given.get("tool_choice", "auto") not in ("auto", "none"):
        told = "A safetensors model calls tools as it likes: tool_choice can be auto or none."
        raise RefusedError(told, "tool_choice")
    top = _number(given, "top_p", 0, 1)
    if top is not None and not top:
        raise RefusedError("top_p must be above 0.", "top_p")


def _number(given: Mapping[str, Any], name: str, least: float, most: float) -> float | int | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise RefusedError(f"{name} must be a number from {least} to {most}.", name)
    return value


def _stops(value: object) -> tuple[str, ...]:
    """The texts that end an answer, empty ones left out."""
    texts = (value,) if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise RefusedError("stop must be a text, or a list of texts.", "stop")
    return tuple(text for text in texts if text)


def _bias(value: object) -> dict[str, float]:
    """What is added to the likeliness of tokens; Transformers wants numbers with a point."""
    is_fit = isinstance(value, dict) and all(
        token.isdecimal() and isinstance(bias, int | float) for token, bias in value.items()
    )
    if not is_fit or not isinstance(value, dict):
        raise RefusedError("logit_bias must be an object of numbers by the numbers of tokens.", "logit_bias")
    return {token: float(bias) for token, bias in value.items()}


def _message(message: object) -> dict[str, Any]:
    """A message in the words that chat templates know, its text in one piece; raises RefusedError for anything else."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise RefusedError("Each message must be an object with a role.", "messages")
    content = message.get("content")
    if isinstance(content, list):
        if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
            raise RefusedError("A safetensors model does not support images, sound or files: send text.", "messages")
        content = "".join(part["text"] for part in content)
    if content is not None and not isinstance(content, str):
        raise RefusedError("The content of a message must be text.", "messages")
    role = "system" if message["role"] == "developer" else message["role"]
    return {**message, "role": role, "content": content or ""}
