"""Google's `generateContent` request: what we must know of it, and the same bytes on their way out.

Reference: the Gemini API, `models.generateContent` and `models.streamGenerateContent`. The model and whether to stream
stand in the address. Names may be spelled in either of Google's two ways.
"""

from collections.abc import Mapping
from functools import partial

import msgspec

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.errors import InvalidValue, MissingField
from tollbar.wire import reading
from tollbar.wire.body import Body, scan, splice
from tollbar.wire.dialect import Incoming
from tollbar.wire.gemini.conversation import expand
from tollbar.wire.gemini.members import Members, camel
from tollbar.wire.uploads import Words, uploads_in

WIRE = "gemini"
ARRAY_WIRE = "gemini, as an array"
"""The same for callers who want a stream as one JSON array, which Google sends where nobody asks for events."""
COUNTED = ("generateContentRequest", "generate_content_request")
MAX_CHOICES = 128
MAX_CONTENTS = 10_000
MAX_TOOLS = 512
MAX_TOKENS = 100_000_000
_MODELLED = {name.casefold(): name for name in ("contents", "generationConfig", "systemInstruction", "tools", "model")}
NAMED = (b'"file',)
"""What the bytes of a body show that names files at Google, or where they are searched."""
WORDS = Words(frozenset({"args", "response", "labels", "parameters", "parametersJsonSchema", "responseJsonSchema"}))
_DATA = b'"inline'
_MARKS = ((b'"image/', "images"), (b'"audio/', "audio"), (b'"application/pdf', "files"), (b'"video/', "files"))
_SHAPE = b'"response'
_SCHEMAS = (b'"responseSchema"', b'"responseJsonSchema"', b'"response_schema"', b'"response_json_schema"')


def decode(incoming: Incoming, stream: bool, wire: str = WIRE) -> CompletionRequest:
    """The request in a body and its address; raises RequestError naming the field at fault."""
    body = scan(incoming.body)
    names = spelled(body, _MODELLED)
    if not incoming.name:
        raise MissingField("The address names no model.", field="model")
    if body.value(names.get("contents", "contents")) in (None, b"null"):
        raise MissingField("The field 'contents' is missing.", field="contents")
    asked = {usual: body.value(name) or b"" for usual, name in names.items()}
    reading.check_count({"contents": asked["contents"]}, "contents", MAX_CONTENTS)
    config = Members(asked.get("generationConfig", b"{}") or b"{}", "generationConfig")
    thinking = config.object("thinkingConfig")
    found = {name: config.whole(name) for name in ("maxOutputTokens", "candidateCount")}
    return CompletionRequest(
        model=incoming.name.removeprefix("models/"),
        source=Source(wire, incoming.body, body.spans, partial(expand, body)),
        stream=stream,
        max_tokens=reading.bounded(found, "maxOutputTokens", 1, MAX_TOKENS),
        choices=reading.bounded(found, "candidateCount", 1, MAX_CHOICES) or 1,
        wants_usage=True,
        features=_features(body, config, asked.get("tools", b"")),
        uploads=uploads_in(body.raw, NAMED, WORDS),
        shows_thoughts=thinking is not None and thinking.flag("includeThoughts") is True,
    )


def decode_counting(incoming: Incoming) -> CompletionRequest:
    """The request to count: the contents alone, or all of `generateContent`'s within `generateContentRequest`."""
    body = scan(incoming.body)
    inner = next((body.value(name) for name in COUNTED if name in body.spans), None)
    if inner is None:
        return decode(incoming, stream=False)
    request = decode(incoming._replace(body=inner), stream=False)
    return request._replace(source=request.source._replace(raw=incoming.body, spans=body.spans))


def outgoing_counting(request: CompletionRequest, model: str) -> bytes:
    """The caller's body, the model replaced where it stands within."""
    source = request.source
    body = Body(source.raw, source.spans)
    for name in COUNTED:
        if (inner := body.value(name)) is not None:
            return splice(body, {name: splice(scan(inner), {"model": _named(model)})})
    return outgoing(request, model)


def outgoing(request: CompletionRequest, model: str) -> bytes:
    """The caller's body, with the model replaced where some clients write it again; all else as it came."""
    source = request.source
    if "model" not in source.spans:
        return source.raw
    return splice(Body(source.raw, source.spans), {"model": _named(model)})


def spelled(body: Body, known_names: Mapping[str, str]) -> dict[str, str]:
    """The members as they are spelled, by their usual spelling; what could be read as another one is refused.

    `known_names` are those that matter, by themselves in lower case.
    """
    names: dict[str, str] = {}
    for name in body.spans:
        usual = camel(name)
        if usual in names:
            raise InvalidValue(f"The fields {names[usual]!r} and {name!r} are the same.", field=usual)
        names[usual] = name
        known = known_names.get(name.casefold().replace("_", ""))
        if known is not None and usual != known:
            hint = f"Did you mean {known!r}?"
            raise InvalidValue(f"The field {name[:64]!r} is not known.", field=name[:64], hint=hint)
    return names


def _named(model: str) -> bytes:
    return msgspec.json.encode(f"models/{model}")


def _features(body: Body, config: Members, tools: bytes) -> frozenset[str]:
    """The capabilities a target must have, read from marks in the bytes: a mark in mere text errs on the safe side."""
    raw = body.raw
    found = {feature for mark, feature in _MARKS if mark in raw} if _DATA in raw or NAMED[0] in raw else set()
    if b'"functionDeclarations"' in tools or b'"function_declarations"' in tools:
        found.add("tools")
    if _SHAPE in raw and any(mark in raw for mark in _SCHEMAS):
        found.add("json_schema")
    if config.flag("responseLogprobs"):
        found.add("logprobs")
    return frozenset(found)
