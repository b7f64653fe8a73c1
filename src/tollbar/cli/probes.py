"""What `tollbar smoke` asks of a server: one row for each thing that an address must do.

A row is run where the server's own document lists its address, so a row may stand here before its endpoint exists. A
new endpoint is a row with what it takes and what must come back. Rows are run in this order; what a row keeps, later
ones may name in braces.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tollbar.cli.client import Reply
from tollbar.wire.sse import payloads

Check = Callable[[Reply], str]
"""What is wrong with an answer whose status is right; empty for nothing."""

UNKNOWN_MODEL = "no-such-model-of-the-smoke-test"
TOO_LARGE = {"content-length": str(2**40)}
"""More than any server takes, refused before a byte of it is sent."""
TRUNCATED = b'{"model": '
NOT_DRIVEN = {
    ("GET", "/generate_api"): "it would use up the one key of this address",
    ("GET", "/current-key"): "the admin secret is not for a command's options",
}
"""Addresses that are asked only for a refusal, and why."""


class Who(Enum):
    """With which key a row asks."""

    NOBODY = "nobody"
    STRANGER = "a wrong key"
    CALLER = "a key for calls"
    ADMIN = "the admin key"


@dataclass(frozen=True, slots=True)
class Probe:
    """One row. `path` is as the document writes it; `{model}` and what earlier rows kept are filled in, here too."""

    what: str
    method: str
    path: str
    who: Who = Who.NOBODY
    status: tuple[int, ...] = (200,)
    query: str = ""
    body: Mapping[str, object] | bytes | None = None
    headers: Mapping[str, str] | None = None
    check: Check = lambda reply: ""
    keep: tuple[tuple[str, str], ...] = ()
    """Fields of the answer that later rows need, each with the name under which."""
    given: tuple[tuple[str, str], ...] = ()
    """What stands in the path's braces, where it is not what was kept under that name; again a name in braces."""


def is_page(reply: Reply) -> str:
    """A page that loads nothing from another host."""
    text = reply.body.decode("utf-8", "replace")
    if not reply.headers.get("content-type", "").startswith("text/html"):
        return f"is no page but {reply.headers.get('content-type')}"
    elsewhere = re.findall(r'(?:src="|<link[^>]* href=")((?:https?:)?//[^"]+)"', text)
    return f"loads {elsewhere[0]}" if elsewhere else ""


def files_of(reply: Reply) -> list[str]:
    """The names of the files of the documents that a page loads."""
    return re.findall(r'(?:src|href)="/?docs/assets/([\w.-]+)"', reply.body.decode("utf-8", "replace"))


def is_error(reply: Reply) -> str:
    """An error in the shape of its address: a message for people and a word for programs."""
    document = reply.json()
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        has_word = any(error.get(name) for name in ("code", "type", "status"))
        return "" if isinstance(error.get("message"), str) and has_word else "tells its error in a shape of its own"
    is_ollamas = isinstance(document, dict) and isinstance(error, str) and bool(document.get("code"))
    return "" if is_ollamas else "tells its error in a shape of its own"


def names_allow(reply: Reply) -> str:
    """A 405 that says what is allowed."""
    return is_error(reply) or ("" if reply.headers.get("allow") else "does not say which methods are allowed")


def has(*fields: str) -> Check:
    """JSON with a text, a list or an object that is not empty at each of these places, such as `choices.0.message`."""

    def check(reply: Reply) -> str:
        document = reply.json()
        missing = [field for field in fields if not _at(document, field)]
        return f"lacks {', '.join(missing)}" if missing else ""

    return check


def is_stream(text_at: str = "") -> Check:
    """Server-sent events that hold text, at a place of their JSON or as it is, and end in [DONE]."""

    def check(reply: Reply) -> str:
        if not reply.headers.get("content-type", "").startswith("text/event-stream"):
            return f"is no event stream but {reply.headers.get('content-type')}"
        said = [data for data in payloads(reply.body) if data is not None]
        if not said or said[-1] != b"[DONE]":
            return "does not end in [DONE]"
        if text_at:
            texts = [_at(Reply(200, {}, data).json(), text_at) for data in said[:-1]]
            return "" if any(texts) else "holds no text"
        return "" if any(data.strip() for data in said[:-1]) else "holds no text"

    return check


def is_text(reply: Reply) -> str:
    """Plain text, some of it."""
    kind = reply.headers.get("content-type", "")
    return "" if kind.startswith("text/plain") and reply.body else f"is no plain text but {kind}"


def _at(document: Any, place: str) -> Any:
    for step in place.split("."):
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def _call(path: str, body: Mapping[str, object], check: Check, wrong: int, **more: Any) -> tuple[Probe, ...]:
    """What every address that calls a model must do: answer, and refuse what is no request and what is too large."""
    return (
        Probe("answers", "POST", path, Who.CALLER, body=body, check=check, **more),
        Probe("malformed JSON", "POST", path, Who.CALLER, (wrong,), body=TRUNCATED, check=is_error, **more),
        Probe("a body too large", "POST", path, Who.CALLER, (413,), headers=TOO_LARGE, check=is_error, **more),
    )


_CHAT = {"model": "{model}", "messages": [{"role": "user", "content": "How do I make a key?"}], "max_tokens": 16}
_COMPLETION = has("choices.0.message.content", "id", "model")
_PROMPT = {"prompt": "How do I make a key?", "max_tokens": 16}
_MODEL = (("model_name", "{model}"),)
_NO_PULL = (("pull_id", "nothing"),)
_NONE = (("request_id", "nothing"),)
_ALL = (("team_id", "installation"),)
_NOBODY = (("owner", "nobody"), ("end_user", "nobody"))
_WRONG: Any = {"body": {"x": 1}, "check": is_error}


def _chat(path: str) -> tuple[Probe, ...]:
    stream = is_stream("choices.0.delta.content")
    unknown = {**_CHAT, "model": UNKNOWN_MODEL}
    return (
        *_call(path, _CHAT, _COMPLETION, 400),
        Probe("streams", "POST", path, Who.CALLER, body={**_CHAT, "stream": True}, check=stream),
        Probe("a model that there is not", "POST", path, Who.CALLER, (404,), body=unknown, check=is_error),
        Probe("no messages", "POST", path, Who.CALLER, (400,), body={"model": "{model}"}, check=is_error),
    )


def _asked(path: str, field: str, check: Check) -> tuple[Probe, ...]:
    """OpenAI's other two dialects, whose question is one text."""
    body = {"model": "{model}", field: "How do I make a key?"}
    return (
        *_call(path, body, check, 400),
        Probe("a model that there is not", "POST", path, Who.CALLER, (404,), body={**body, "model": UNKNOWN_MODEL},
              check=is_error),
        Probe(f"no {field}", "POST", path, Who.CALLER, (400,), body={"model": "{model}"}, check=is_error),
    )  # fmt: skip


def _simple(path: str, body: Mapping[str, object], field: str, check: Check, **more: Any) -> tuple[Probe, ...]:
    """A simple endpoint: its required field may not be missing, nor blank."""
    blank = {**body, field: "  "}
    return (
        *_call(path, body, check, 422, **more),
        Probe(f"no {field}", "POST", path, Who.CALLER, (422,), body={}, check=is_error, **more),
        Probe(f"a blank {field}", "POST", path, Who.CALLER, (422,), body=blank, check=is_error, **more),
    )


PROBES = (
    Probe("the landing page", "GET", "/", headers={"accept": "text/html"}, check=is_page),
    Probe("the document to try out", "GET", "/docs", check=is_page),
    Probe("the document to read", "GET", "/redoc", check=is_page),
    Probe("the document for programs", "GET", "/openapi.json", check=has("openapi", "paths")),
    Probe("no such file", "GET", "/docs/assets/{name}", status=(404,), given=(("name", "nothing"),), check=is_error),
    Probe("lives", "GET", "/health", check=has("status", "version")),
    Probe("lives", "GET", "/healthz", check=has("status", "version")),
    Probe("is ready", "GET", "/health/ready", check=has("status")),
    Probe("metrics", "GET", "/metrics", Who.ADMIN, check=is_text),
    Probe("makes a key", "POST", "/admin/api/keys", Who.ADMIN, (200, 201), body={"name": "{name}", "expires": "1h"},
          check=has("id", "key"), keep=(("id", "key_id"), ("key", "made_key"))),
    Probe("lists keys", "GET", "/admin/api/keys", Who.ADMIN, check=has("data")),
    Probe("shows a key", "GET", "/admin/api/keys/{key_id}", Who.ADMIN, check=has("name")),
    Probe("changes a key", "PATCH", "/admin/api/keys/{key_id}", Who.ADMIN, body={"rpm": 600}, check=has("limits")),
    Probe("lists teams", "GET", "/admin/api/teams", Who.ADMIN, check=has("data")),
    Probe("shows a team", "GET", "/admin/api/teams/{team_id}", Who.ADMIN, given=_ALL, check=has("name")),
    Probe("a team without a name", "POST", "/admin/api/teams", Who.ADMIN, (422,), body={}, check=is_error),
    Probe("a wrong field", "PATCH", "/admin/api/teams/{team_id}", Who.ADMIN, (422,), given=_ALL, **_WRONG),
    Probe("a wrong field", "POST", "/admin/api/teams/{team_id}/top-up", Who.ADMIN, (422,), given=_ALL, **_WRONG),
    Probe("nobody's end users", "GET", "/admin/api/end-users/{owner}", Who.ADMIN, (404,), given=_NOBODY,
          check=is_error),
    Probe("a wrong field", "PUT", "/admin/api/end-users/{owner}", Who.ADMIN, (422,), given=_NOBODY, **_WRONG),
    Probe("a wrong field", "DELETE", "/admin/api/end-users/{owner}", Who.ADMIN, (422,), given=_NOBODY, **_WRONG),
    Probe("a wrong field", "PATCH", "/admin/api/end-users/{owner}/{end_user}", Who.ADMIN, (422,), given=_NOBODY,
          **_WRONG),
    Probe("erases nobody", "DELETE", "/admin/api/end-users/{owner}/{end_user}", Who.ADMIN, (404,), given=_NOBODY,
          check=is_error),
    Probe("a wrong field", "POST", "/admin/api/keys/{key_id}/top-up", Who.ADMIN, (422,), **_WRONG),
    Probe("lists running calls", "GET", "/admin/api/requests", Who.ADMIN, check=has("object")),
    Probe("no such request", "GET", "/admin/api/requests/{request_id}", Who.ADMIN, (404,), given=_NONE, check=is_error),
    Probe("ends no such call", "POST", "/admin/api/requests/{request_id}/cancel", Who.ADMIN, (404,), given=_NONE,
          check=is_error),
    Probe("ends no such call", "POST", "/v1/requests/{request_id}/cancel", Who.CALLER, (404,), given=_NONE,
          check=is_error),
    Probe("lists alerts", "GET", "/admin/api/alerts", Who.ADMIN, check=has("object")),
    Probe("a wrong field", "POST", "/admin/api/alerts/webhook", Who.ADMIN, (422,), **_WRONG),
    Probe("a wrong field", "POST", "/admin/api/alerts/test", Who.ADMIN, (422,), **_WRONG),
    Probe("a wrong field", "POST", "/admin/api/keys/{key_id}/alerts", Who.ADMIN, (422,), **_WRONG),
    Probe("a wrong field", "POST", "/admin/api/teams/{team_id}/alerts", Who.ADMIN, (422,), given=_ALL, **_WRONG),
    Probe("who changed what", "GET", "/admin/api/audit", Who.ADMIN, check=has("data")),
    Probe("the audit is whole", "GET", "/admin/api/audit/verify", Who.ADMIN, check=has("entries", "last_seal")),
    Probe("a wrong field", "POST", "/admin/api/keys", Who.ADMIN, (422,), body={"nmae": "x"}, check=is_error),
    Probe("a key for calls does not open it", "GET", "/admin/api/keys", Who.CALLER, (401, 403), check=is_error),
    Probe("lists local models", "GET", "/admin/api/models", Who.ADMIN, check=has("object")),
    Probe("pulls nothing that nobody has", "POST", "/admin/api/models/pull", Who.ADMIN, (404,),
          body={"model": UNKNOWN_MODEL}, check=is_error),
    Probe("removes nothing that is not there", "POST", "/admin/api/models/remove", Who.ADMIN, (404,),
          body={"model": UNKNOWN_MODEL}, check=is_error),
    Probe("no such pull", "GET", "/admin/api/models/pulls/{pull_id}", Who.ADMIN, (404,), given=_NO_PULL,
          check=is_error),
    Probe("cancels no such pull", "DELETE", "/admin/api/models/pulls/{pull_id}", Who.ADMIN, (404,), given=_NO_PULL,
          check=is_error),
    Probe("no such pull", "GET", "/admin/api/models/pulls/{pull_id}/events", Who.ADMIN, (404,), given=_NO_PULL,
          check=is_error),
    Probe("a wrong key", "GET", "/v1/models", Who.STRANGER, (401,), check=is_error),
    Probe("lists models", "GET", "/v1/models", Who.CALLER, check=has("data")),
    Probe("lists models", "GET", "/models", Who.CALLER, check=has("data")),
    Probe("shows a model", "GET", "/v1/models/{model}", Who.CALLER, check=has("id")),
    Probe("shows a model", "GET", "/models/{model}", Who.CALLER, check=has("id")),
    Probe("a model that there is not", "GET", "/v1/models/{model}", Who.CALLER, (404,), check=is_error,
          given=(("model", UNKNOWN_MODEL),)),
    Probe("no such request", "GET", "/v1/requests/{request_id}", Who.CALLER, (404,), given=_NONE, check=is_error),
    Probe("what a key's holder may know", "GET", "/v1/me", Who.CALLER, check=has("id", "name")),
    Probe("what a key used", "GET", "/v1/me/usage", Who.CALLER, query="?days=7", check=has("total", "since")),
    Probe("no such end user", "GET", "/v1/me/usage/stream", Who.CALLER, (400,), query="?user=nobody", check=is_error),
    *_call("/v1/quote", _CHAT, has("targets", "model"), 400),
    *_chat("/v1/chat/completions"),
    *_chat("/chat/completions"),
    *_asked("/v1/responses", "input", has("output.0.content.0.text", "id", "model")),
    *_asked("/responses", "input", has("output.0.content.0.text", "id", "model")),
    *_asked("/v1/completions", "prompt", has("choices.0.text", "id", "model")),
    *_asked("/completions", "prompt", has("choices.0.text", "id", "model")),
    *_simple("/generate", _PROMPT, "prompt", has("response")),
    Probe("streams", "POST", "/generate", Who.CALLER, query="?stream=true", body=_PROMPT, check=is_stream()),
    *_call("/generate/{model_name}", _PROMPT, has("response"), 422, given=_MODEL),
    Probe("a model that there is not", "POST", "/generate/{model_name}", Who.CALLER, (400,), body=_PROMPT,
          check=is_error, given=(("model_name", UNKNOWN_MODEL),)),
    *_simple("/local/generate", _PROMPT, "prompt", has("response")),
    Probe("streams text", "POST", "/local/generate", Who.CALLER, query="?stream=true", body=_PROMPT, check=is_text),
    Probe("streams events", "POST", "/local/generate", Who.CALLER, query="?stream=true", body=_PROMPT,
          headers={"accept": "text/event-stream"}, check=is_stream()),
    *_simple("/question", {"text": "How do I make a key?"}, "text", has("text")),
    *_simple("/chat", {"prompt": "How do I make a key?"}, "prompt", has("choices.0.message.content")),
    *_simple("/local-chat", {"prompt": "How do I make a key?"}, "prompt", has("choices.0.message.content")),
    *_simple("/response", {"system_prompt": "Be brief.", "message": "How do I make a key?", "tokens": 16}, "message",
             has("response")),
    Probe("answers", "GET", "/response", Who.CALLER, check=has("response"),
          query="?system_prompt=Be%20brief.&message=How%20do%20I%20make%20a%20key%3F&tokens=16"),
    Probe("no key for a page fetched ahead of its reader", "GET", "/generate_api", status=(403, 404), check=is_error,
          headers={"sec-purpose": "prefetch"}),
    Probe("no key without the admin secret", "GET", "/current-key", status=(401, 404), check=is_error),
)  # fmt: skip
LAST_PROBES = (
    Probe("renews a key", "POST", "/admin/api/keys/{key_id}/rotate", Who.ADMIN, body={}, check=has("key")),
    Probe("ends a key", "POST", "/admin/api/keys/{key_id}/revoke", Who.ADMIN, body={}, check=has("revoked_at")),
)
"""They end the key that the others may have been asked with."""


def encode(body: Mapping[str, object] | bytes | None, values: Mapping[str, str]) -> bytes | None:
    """A row's body as it is sent, with what stands in braces filled in."""
    if body is None or isinstance(body, bytes):
        return body
    return json.dumps({name: filled(value, values) for name, value in body.items()}).encode()


def filled(value: object, values: Mapping[str, str]) -> object:
    """What a name in braces stands for; the name itself where nothing is known, and anything else as it is."""
    is_name = isinstance(value, str) and value.startswith("{") and value.endswith("}")
    return values.get(str(value)[1:-1], value) if is_name else value
