"""Endpoints of OpenAI's that are passed on as they are: pictures, sound, moderation, ranking.

Of a request only the model is read, and replaced; of an answer only the usage, where it tells any. They are not
streamed. Reference: the OpenAI API, and for ranking those of Cohere and Jina, which have it at the same address.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import msgspec

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.errand import Errand
from tollbar.domain.errors import InvalidValue, MissingField, UpstreamFailed
from tollbar.domain.usage import Usage, possible
from tollbar.wire import openai_chat, reading
from tollbar.wire.body import Body, refuse_look_alikes, scan, splice
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.multipart import boundary_of, fields_of
from tollbar.wire.uploads import ID, Words, uploads_in

WIRE = "openai:"
"""What the wires of these endpoints begin with; their path follows."""
JSON = "application/json"
_FIELDS = frozenset({"model", "stream", "stream_format", "user"})
_PROMPT = ("input", "prompt", "query", "documents", "instructions")
_PICTURES = "/images/"
"""Where the endpoints are that take files by their ids."""
_NOT_STREAMED = {"stream": (b"true",), "stream_format": (b'"sse"', b"sse")}
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:\s*;\s*[\w-]+=[\w.+\"-]+)*", re.ASCII)


def dialect(path: str) -> Dialect:
    """The dialect of one such endpoint, by its path below a provider's base address."""

    def decode(incoming: Incoming) -> CompletionRequest:
        return _decode(incoming, path)

    base = openai_chat.DIALECT
    return Dialect(
        wire=f"{WIRE}{path}",
        decode=decode,
        encode=base.encode,
        stream_encoder=base.stream_encoder,
        encode_error=base.encode_error,
        encode_stream_error=base.encode_stream_error,
    )


def _decode(incoming: Incoming, path: str) -> CompletionRequest:
    """The request; raises RequestError naming the field at fault."""
    kinds = [value.decode("latin-1") for name, value in incoming.headers if name == b"content-type"]
    kind = kinds[0] if kinds else JSON
    is_form = kind.lower().startswith("multipart/")
    form = _form(incoming.body, kind) if is_form else _document(incoming.body)
    for name, values in _NOT_STREAMED.items():
        if (form.value(name) or b"").strip() in values:
            raise InvalidValue("This address does not stream.", field=name, hint=f"Leave out {name!r}.")
    raw = form.value("model") or b""
    model = raw.decode("utf-8", "replace").strip() if is_form else reading.head(form, {"model": str}).get("model", "")
    if not model:
        raise MissingField("The field 'model' is missing.", hint="Send 'model' as a string.", field="model")
    return CompletionRequest(
        model=model,
        source=Source(f"{WIRE}{path}", incoming.body, form.spans, lambda: unspoken(path)),
        max_tokens=0,
        prompt_bytes=sum(len(form.value(name) or b"") for name in _PROMPT),
        errand=Errand(path, f"multipart/form-data; boundary={boundary_of(kind)}" if is_form else JSON),
        uploads=uploads_in(incoming.body, (ID,), Words()) if path.startswith(_PICTURES) and not is_form else (),
    )


def outgoing(request: CompletionRequest, model: str) -> bytes:
    """The caller's body with the model replaced; all else as it came."""
    is_form = request.errand is not None and request.errand.content_type != JSON
    name = model.encode() if is_form else msgspec.json.encode(model)
    return splice(Body(request.source.raw, request.source.spans), {"model": name})


def _document(raw: bytes) -> Body:
    body = scan(raw)
    refuse_look_alikes(body, _FIELDS)
    return body


def _form(raw: bytes, content_type: str) -> Body:
    return Body(raw, fields_of(raw, boundary_of(content_type), _FIELDS))


def unspoken(path: str) -> NoReturn:
    """What reading a conversation out of such a request comes to: a provider of another dialect is skipped."""
    raise InvalidValue(f"This model's provider has no {path}.", field="model")


class _Answer(msgspec.Struct):
    """The little that is read of an answer, however long its vectors are."""

    usage: Any = None
    error: Any = None


class Told(NamedTuple):
    """An answer as it goes on: what it is, and what it says of usage."""

    content_type: str
    usage: Usage | None


def told_in(raw: bytes, content_type: str) -> Told:
    """What an answer says of itself; raises UpstreamFailed when it is empty, garbled or an error."""
    kind = content_type if _TYPE.fullmatch(content_type) else "application/octet-stream"
    if not raw:
        raise UpstreamFailed("The provider's answer is empty.", is_retryable=True)
    if kind.partition(";")[0].strip().lower() != JSON:
        return Told(kind, None)
    try:
        answer = msgspec.json.decode(raw, type=_Answer)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise UpstreamFailed("The provider sent something that is no JSON object.", is_retryable=True) from None
    if answer.error:
        raise UpstreamFailed("The provider sent an error in the place of an answer.", is_retryable=True)
    return Told(kind, usage_in(answer.usage))


def usage_in(usage: object) -> Usage | None:
    """A report of usage under the names that there are for it; None when it tells no tokens."""
    if not isinstance(usage, dict):
        return None
    prompt = _figure(usage, "prompt_tokens", "input_tokens")
    completion = _figure(usage, "completion_tokens", "output_tokens")
    if prompt is None and completion is None:
        prompt = _figure(usage, "total_tokens")
    if prompt is None and completion is None:
        return None
    details = usage.get("input_token_details") or usage.get("input_tokens_details")
    audio = _figure(details, "audio_tokens") if isinstance(details, dict) else None
    return Usage(prompt or 0, completion or 0, audio_prompt_tokens=audio or 0)


def _figure(found: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = found.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return possible(value)
    return None
