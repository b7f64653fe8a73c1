"""OpenAI's older completion request: what we must know of it, the same bytes on their way out, and as a conversation.

Reference: the Completions API (legacy). A prompt may be a text, a list of texts, or tokens; each of several gets `n`
choices of its own, in one call.
"""

import msgspec

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Conversation, Sampling
from tollbar.domain.errors import InvalidType, InvalidValue
from tollbar.domain.messages import Message, Role, TextPart
from tollbar.wire import reading
from tollbar.wire.body import Body, refuse_look_alikes, scan
from tollbar.wire.openai_chat.request import MAX_CHOICES, MAX_TOKENS, wants_usage

WIRE = "completions"
KINDS = {
    "model": str,
    "stream": bool,
    "stream_options": dict,
    "max_tokens": int,
    "n": int,
    "best_of": int,
    "user": str,
}
MODELLED = frozenset((*KINDS, "prompt", "suffix", "echo", "logprobs"))
USUAL_MAX_TOKENS = 16
"""How long an answer is whose caller does not say, in this API."""
_SAMPLING = {"temperature": float, "top_p": float, "frequency_penalty": float, "presence_penalty": float, "seed": int}
_CONTENT = ("suffix", "echo", "logprobs")
_EMPTY = frozenset((b"null", b"false", b'""', b"{}", b"[]"))
_NONE: frozenset[str] = frozenset()


def decode(raw: bytes) -> CompletionRequest:
    """The request in a body; raises RequestError naming the field at fault."""
    body = scan(raw)
    refuse_look_alikes(body, MODELLED)
    reading.demand(body, "model", "prompt")
    head = reading.head(body, KINDS)
    each = max(reading.bounded(head, name, 1, MAX_CHOICES) or 1 for name in ("n", "best_of"))
    choices = each * _prompts(body)
    if choices > MAX_CHOICES:
        raise InvalidValue(
            f"'prompt' and 'n' make {choices} choices, and at most {MAX_CHOICES} are accepted.",
            field="prompt",
            details={"max": MAX_CHOICES, "received": choices},
        )
    limit = reading.bounded(head, "max_tokens", 1, MAX_TOKENS)
    return CompletionRequest(
        model=head["model"],
        source=Source(WIRE, raw, body.spans, lambda: expand(body)),
        stream=bool(head.get("stream")),
        max_tokens=USUAL_MAX_TOKENS if limit is None else limit,
        choices=choices,
        user=head.get("user"),
        wants_usage=wants_usage(head.get("stream_options")),
        features=frozenset({"logprobs"}) if (body.value("logprobs") or b"null") not in _EMPTY else _NONE,
    )


def expand(body: Body) -> Conversation:
    """The prompt as what a user says; raises InvalidType, or InvalidValue for what a chat cannot do."""
    for name in _CONTENT:
        if (body.value(name) or b"null") not in _EMPTY:
            raise _refused(name)
    head = reading.head(body, {**_SAMPLING, **KINDS})
    if (head.get("best_of") or 1) > (head.get("n") or 1):
        raise _refused("best_of")
    stop = reading.member(body, "stop", str | list[str])
    return Conversation(
        messages=(Message(Role.USER, (TextPart(_text(body)),)),),
        sampling=Sampling(
            **{name: head.get(name) for name in _SAMPLING},
            stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        ),
        unmodelled=tuple(
            name
            for name in body.spans
            if name not in MODELLED and name not in _SAMPLING and name != "stop" and body.value(name) not in _EMPTY
        ),
    )


def _prompts(body: Body) -> int:
    """How many prompts there are."""
    raw = body.value("prompt") or b""
    if raw.startswith(b"["):
        inner = raw[1:].lstrip()
        return max(1, reading.check_count({"prompt": raw}, "prompt", MAX_CHOICES)) if inner[:1] in b'"[' else 1
    if not raw.startswith(b'"'):
        raise InvalidType("'prompt' must be a string, or an array of strings or tokens.", field="prompt")
    return 1


def _text(body: Body) -> str:
    """The one text of the prompt."""
    prompt = reading.member(body, "prompt", str | list[msgspec.Raw])
    if isinstance(prompt, str):
        return prompt
    match [bytes(one) for one in prompt or ()]:
        case [one] if one.startswith(b'"'):
            return reading.member(Body(one, {"prompt": (0, len(one))}), "prompt", str) or ""
        case [first, *_] if first.startswith(b'"'):
            raise InvalidValue(
                "'prompt' holds several texts, and this model's provider takes one.",
                field="prompt",
                hint="Make a call for each of them.",
            )
    raise InvalidValue(
        "'prompt' holds tokens, which this model's provider cannot be sent.", field="prompt", hint="Send it as text."
    )


def _refused(name: str) -> InvalidValue:
    return InvalidValue(f"{name!r} cannot be sent to this model's provider, which has chats only.", field=name)
