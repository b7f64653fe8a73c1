"""The words of the API document that belong to no single address: the introduction, headers, keys, failures.

Data for the document alone.
"""

from collections.abc import Mapping
from typing import Any

from tollbar.gateway.counting import CountedBy

REQUEST_ID = "req_5f0c8e1b9a7d4c3e2f1a0b9c"
SUMMARY = "One API in front of many models, with keys, limits and an exact ledger."

DESCRIPTION = """\
Tollbar speaks the dialects of OpenAI, Anthropic, Google and Ollama: give a client of one this server's address (for
OpenAI's with `/v1`) as its base URL and a Tollbar key as its API key.

**Keys.** Send `Authorization: Bearer KEY`. `x-api-key`, `api-key`, `x-goog-api-key` and `x_api_key` are read as well;
the same key in two of them is fine, two different keys are refused. A key in the address is read on
`/response` and under `/v1beta` alone, where a setting says so. Keys for calls and the admin key open different doors.

**Errors** at the addresses of OpenAI's dialects (`/v1/…`, `/models`, `/chat/completions`, `/responses`,
`/completions`, `/embeddings`) have OpenAI's shape:

```json
{
  "error": {
    "message": "The model 'gtp-4o' is not configured here. Did you mean gpt-4o?",
    "type": "invalid_request_error",
    "param": "model",
    "code": "model_not_found",
    "request_id": "req_5f0c8e1b9a7d4c3e2f1a0b9c"
  }
}
```

Those of Anthropic (`/v1/messages`), of Google (`/v1beta/…`) and of Ollama (`/api/…`) have the shape that its clients
read. All others answer in the unified shape, with codes in upper case and `details` always an object:

```json
{
  "error": {
    "code": "INVALID_VALUE",
    "message": "'temperature' must be between 0 and 2.",
    "status": 422,
    "field": "temperature",
    "details": {"min": 0, "max": 2, "received": 3.5}
  }
}
```

`code` is for programs, `message` for people, `param` or `field` names the field at fault. Faults are told in the order
key, limit, body, field, model, allowance. `x-should-retry: false` says that trying again cannot help, and OpenAI's SDKs
obey it.

**Limits.** Where a key has a rate, answers to its calls carry `x-ratelimit-limit-…`, `-remaining-…` and `-reset-…` for
`requests` and `tokens`, from the limit that is nearest to its end. 429 comes with `Retry-After`: whole seconds after
which there is room.

**Every answer** carries `x-request-id`; the log line under that id holds what the answer does not. It also says how
long it took to begin, `x-process-time` in seconds, and what the serving process weighs, `x-memory-used` and
`x-memory-delta` in MB, read a few times a second at most.
"""

TAGS: Mapping[str, str] = {
    "Calls": "Ask a model. Needs a key for calls; metered.",
    "Simple": "A prompt in, a text out, without a dialect. Needs a key for calls; metered.",
    "Models": "What a key may call. Free.",
    "Account": "What a key's holder may know of it. Free.",
    "Keys": "Make and change keys. Needs the admin key; what `tollbar keys` does, this does.",
    "Teams": "What several keys share. Needs the admin key; what `tollbar teams` does, this does.",
    "Alerts": "Who is told that an allowance is nearly used up. Needs the admin key; `tollbar alerts` does the same.",
    "Audit": "Who changed what. Needs the admin key; what `tollbar audit` does, this does.",
    "End users": "Whom a key or a team calls for. Needs the admin key; what `tollbar keys end-users` does, this does.",
    "Local models": "Get models onto the server's machine. Needs the admin key; what `tollbar pull` does, this does.",
    "Health": "For probes and monitoring. Asks no provider.",
    "Documents": "This document and its pages.",
}

SECURITY_SCHEMES: Mapping[str, Mapping[str, str]] = {
    "Key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key for calls: `sk-toll-…`, from `tollbar keys create`.",
    },
    "KeyHeader": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "The same, in a header of its own.",
    },
    "AdminKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "The admin key: printed at the first start, or taken from `TOLLBAR_ADMIN_KEY`.",
    },
    "AdminSecret": {
        "type": "apiKey",
        "in": "header",
        "name": "admin-secret",
        "description": "What `ADMIN_SECRET` is set to.",
    },
}

SECURITY: Mapping[str, list[Mapping[str, list[str]]]] = {
    "public": [],
    "key": [{"Key": []}, {"KeyHeader": []}],
    "counted": [{"Key": []}, {"KeyHeader": []}],
    "admin": [{"AdminKey": []}],
    "machine": [{"AdminKey": []}, {}],
    "secret": [{"AdminSecret": []}],
}


def _header(description: str, kind: str = "integer", **more: object) -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind, **more}}


HEADERS: Mapping[str, Mapping[str, Any]] = {
    "x-request-id": _header("The id of this request, under which the log has it.", "string", examples=[REQUEST_ID]),
    "x-process-time": _header("Seconds from the request's arrival until this answer began.", "number", minimum=0),
    "x-memory-used": _header("The memory of the serving process, in MB of 1,048,576 bytes.", "number", minimum=0),
    "x-memory-delta": _header(
        "By how much that differs from the reading before. It is read a few times a second at most.", "number"
    ),
    "x-tollbar-target": _header("The target that answered: `provider/model`.", "string", examples=["openai/gpt-4o"]),
    "x-tollbar-clamped": _header("How long the answer may be at the most, where that was lowered to fit.", "string"),
    "x-tollbar-replayed": _header("The call that was answered so before, and charged.", "string"),
    "x-tollbar-queue-position": _header("Where a call of a local model stood when it came; 0 had no need to wait."),
    "x-tollbar-queue-seconds": _header("How long that was expected to take.", "number", minimum=0),
    "x-tollbar-counted-by": _header("Who counted.", "string", enum=list(CountedBy)),
    "request-id": _header("The same as `x-request-id`, where Anthropic's clients look for it.", "string"),
    "x-ratelimit-limit-requests": _header("The requests that the limit allows in its window."),
    "www-authenticate": _header("How to authenticate: `Bearer`.", "string"),
    "x-ratelimit-remaining-requests": _header("The requests left now."),
    "x-ratelimit-reset-requests": _header("The time until all of them are free again.", "string", examples=["42s"]),
    "x-ratelimit-limit-tokens": _header("The tokens that the limit allows in its window."),
    "x-ratelimit-remaining-tokens": _header("The tokens left now."),
    "x-ratelimit-reset-tokens": _header("The time until all of them are free again.", "string", examples=["42s"]),
    "retry-after": _header("Seconds after which there is room.", minimum=1),
    "x-should-retry": _header("`false` where trying again cannot help.", "string", enum=["false"]),
    "etag": _header("The key's version, for `If-Match`.", "string", examples=['"1"']),
}
EVERYWHERE = ("x-request-id", "x-process-time", "x-memory-used", "x-memory-delta")
RATE_HEADERS = tuple(name for name in HEADERS if name.startswith("x-ratelimit-"))

SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "Error": {
        "type": "object",
        "description": "A failure, in OpenAI's shape.",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code", "request_id"],
                "properties": {
                    "message": {"type": "string", "maxLength": 500, "description": "For people, with the remedy."},
                    "type": {"type": "string", "description": "The kind of failure, as OpenAI names it."},
                    "param": {"type": ["string", "null"], "description": "The field at fault."},
                    "code": {"type": ["string", "integer", "null"], "description": "For programs."},
                    "request_id": {"type": "string"},
                    "details": {"type": "object", "description": "Bounds, limits, further faults."},
                },
            }
        },
    },
    "OllamaError": {
        "type": "object",
        "description": "A failure, in Ollama's shape, with more beside it.",
        "required": ["error", "code", "request_id"],
        "properties": {
            "error": {"type": "string", "maxLength": 500, "description": "For people, with the remedy."},
            "code": {"type": "string", "description": "For programs."},
            "request_id": {"type": "string"},
            "field": {"type": "string", "description": "The field at fault."},
            "details": {"type": "object", "description": "Bounds, limits, further faults."},
        },
    },
    "UnifiedError": {
        "type": "object",
        "description": "A failure, in the unified shape.",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "status", "details"],
                "properties": {
                    "code": {"type": "string", "description": "For programs, in upper case."},
                    "message": {"type": "string", "maxLength": 500, "description": "For people, with the remedy."},
                    "status": {"type": "integer", "description": "The HTTP status, once more."},
                    "field": {"type": "string", "description": "The field at fault."},
                    "details": {"type": "object", "description": "Bounds, limits, attempts, further faults."},
                },
            }
        },
    },
    "Health": {
        "type": "object",
        "description": "What the process knows of itself without asking anybody; more may be told.",
        "required": ["status", "version", "uptime_seconds"],
        "properties": {
            "status": {"type": "string"},
            "version": {"type": "string"},
            "uptime_seconds": {"type": "number", "minimum": 0},
        },
        "additionalProperties": True,
    },
    "OwnKey": {
        "type": "object",
        "description": "A key that its caller fetched.",
        "required": ["One Time API key", "Generation Time", "!"],
        "properties": {
            "One Time API key": {"type": "string", "pattern": "^[A-Za-z0-9]{31}$"},
            "Generation Time": {"type": "string", "description": "In UTC.", "examples": ["2026-11-20 09:30:00"]},
            "!": {"type": "string"},
        },
    },
    "CurrentKey": {
        "type": "object",
        "description": "The rotating key.",
        "required": ["api_key", "expiry"],
        "properties": {
            "api_key": {"type": "string", "pattern": "^sk-[A-Za-z0-9]{16}$"},
            "expiry": {"type": "string", "format": "date-time", "description": "When it is replaced."},
        },
    },
    "OpenAPI": {"type": "object", "description": "An OpenAPI 3.1 document."},
}
