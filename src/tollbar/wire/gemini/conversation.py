"""The conversation inside Google's request, for providers that do not speak this dialect.

Reference: the Gemini API, `Content`, `Part` and what stands beside them. Parts of a kind that nobody here knows are
kept as `OtherPart`: whoever must send them on refuses them by name.
"""

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterator
from itertools import groupby

from tollbar.domain.conversation import Conversation
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    AudioPart,
    FilePart,
    ImagePart,
    Inline,
    Link,
    Message,
    OtherPart,
    Part,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    Upload,
)
from tollbar.wire.body import Body
from tollbar.wire.gemini import wishes
from tollbar.wire.gemini.members import Members
from tollbar.wire.gemini.signature import unwrapped

_CONTENTS = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
_OF_A_PART = frozenset((*_CONTENTS, "thought", "thoughtSignature"))
_KNOBS = frozenset({"mediaResolution", "partMetadata", "videoMetadata", "mediaProcessing"})
_SOUND = re.compile(r"audio/(?:x-)?([\w.+-]+).*")
_FORMATS = {"mpeg": "mp3", "wave": "wav"}
_UPLOADED = re.compile(r"gs://.*|files/[^/]+|https://[^/]*googleapis\.com/.*/files/[^/]+")


def expand(body: Body) -> Conversation:
    """The request as domain values; raises InvalidType or InvalidValue with the path of the fault."""
    asked = Members(body.raw)
    if "cachedContent" in asked:
        raise InvalidValue("'cachedContent' cannot be sent to this model's provider.", field="cachedContent")
    contents = _Contents()
    system = asked.object("systemInstruction")
    messages = [Message(Role.SYSTEM, tuple(map(contents.part, system.objects("parts"))))] if system else []
    for content in asked.objects("contents"):
        messages += contents.messages(content)
    config = asked.object("generationConfig") or Members(b"{}", "generationConfig")
    effort, budget = wishes.thinking(config)
    tools, choice = wishes.tools(asked)
    return Conversation(
        messages=tuple(messages),
        tools=tools,
        tool_choice=choice,
        sampling=wishes.sampling(config),
        output=wishes.output(config),
        effort=effort,
        thinking_tokens=budget,
        unmodelled=(*wishes.unmodelled(asked, config), *sorted(contents.knobs)),
    )


class _Contents:
    """Reads contents in their order, since an answer without an id belongs to the first call by its name without one.

    `knobs` are the members found in parts that merely say how to look at them.
    """

    def __init__(self) -> None:
        self.knobs: set[str] = set()
        self._calls = 0
        self._waiting: dict[str, deque[str]] = defaultdict(deque)

    def messages(self, content: Members) -> Iterator[Message]:
        """The message that a content is: several where tools answer and the user speaks."""
        role, parts = content.text("role") or "user", [self.part(part) for part in content.objects("parts")]
        if role == "model":
            yield Message(Role.ASSISTANT, tuple(parts))
        elif role not in {"user", "function"}:
            field = content.at("role")
            raise InvalidValue(f"{field!r} must be 'user' or 'model'.", field=field)
        elif not parts:
            yield Message(Role.USER, ())
        for is_answer, run in groupby(parts if role != "model" else (), lambda part: isinstance(part, ToolResultPart)):
            yield Message(Role.TOOL if is_answer else Role.USER, tuple(run))

    def part(self, part: Members) -> Part:
        """One part."""
        self.knobs |= {f"contents.parts.{name}" for name in part if name in _KNOBS}
        kinds = [name for name in part if name in _CONTENTS]
        strange = [name for name in part if name not in _OF_A_PART and name not in _KNOBS]
        if strange or len(kinds) > 1:
            return OtherPart((strange or kinds)[-1][:64])
        match kinds:
            case ["inlineData"]:
                return _inline(part.object("inlineData") or part)
            case ["fileData"]:
                return _linked(part.object("fileData") or part)
            case ["functionCall"]:
                return self._call(part.object("functionCall") or part, _signature(part)[0])
            case ["functionResponse"]:
                return self._answer(part.object("functionResponse") or part)
        text, (signature, is_redacted) = part.text("text") or "", _signature(part)
        if part.flag("thought") or (signature is not None and not text):
            return ThinkingPart(text, signature, is_redacted)
        return TextPart(text)

    def _call(self, call: Members, signature: str | None) -> ToolCallPart:
        name, call_id = call.text("name") or "", call.text("id")
        call.object("args")
        if call_id is None:
            call_id = f"call_{self._calls}"
            self._waiting[name].append(call_id)
        self._calls += 1
        return ToolCallPart(call_id, name, call.raw("args") or "{}", signature)

    def _answer(self, answer: Members) -> ToolResultPart:
        name, call_id = answer.text("name") or "", answer.text("id")
        if call_id is None:
            waiting = self._waiting[name]
            call_id = waiting.popleft() if waiting else name
        text, is_error = _told(answer)
        pictures = tuple(_picture(part) for part in answer.objects("parts"))
        texts = (TextPart(text),) if text is not None else ()
        return ToolResultPart(call_id, (*texts, *pictures), is_error)


def _signature(part: Members) -> tuple[str | None, bool]:
    text = part.text("thoughtSignature")
    return unwrapped(text) if text else (None, False)


def _told(answer: Members) -> tuple[str | None, bool]:
    """The words of a tool's answer, None where there are none, and whether it failed: by the keys that Google names."""
    response = answer.object("response")
    match list(response or ()):
        case []:
            return None, False
        case ["output" | "error" as key]:
            raw = (response.raw(key) if response else None) or ""
            words = response.text(key) if response and raw.startswith('"') else raw
            return words, key == "error"
    return answer.raw("response"), False


def _picture(part: Members) -> ImagePart | OtherPart:
    inline, linked = part.object("inlineData"), part.object("fileData")
    found = _inline(inline) if inline else _linked(linked) if linked else OtherPart("functionResponse.parts")
    return found if isinstance(found, ImagePart | OtherPart) else OtherPart("functionResponse.parts")


def _inline(blob: Members) -> Part:
    media, data = blob.text("mimeType") or "", (blob.text("data") or "").translate(str.maketrans("-_", "+/"))
    if media.startswith("image/"):
        return ImagePart(Inline(media, data))
    if sound := _SOUND.fullmatch(media):
        return AudioPart(data, _FORMATS.get(sound[1], sound[1]))
    return FilePart(Inline(media, data), blob.text("displayName"))


def _linked(file: Members) -> Part:
    uri, media = file.text("fileUri") or "", file.text("mimeType") or ""
    if media.startswith("image/"):
        return ImagePart(Link(uri))
    return FilePart(Upload(uri) if is_uploaded(uri) else Link(uri), file.text("displayName"))


def is_uploaded(uri: str) -> bool:
    """Whether an address is that of a file which was given to Google before."""
    return _UPLOADED.fullmatch(uri) is not None


def arguments_object(text: str) -> str | None:
    """The arguments of a call as Google takes them, a JSON object on one line; None where they are none."""
    try:
        found = json.loads(text or "{}", parse_constant=_refuse)
        return json.dumps(found, separators=(",", ":")) if isinstance(found, dict) else None
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")
