"""The words of the API document that belong to no single address: the introduction, headers, parameters, keys.

Data for the document alone.
"""

from collections.abc import Mapping
from typing import Any

REQUEST_ID = "req_5f0c8e1b9a7d4c3e2f1a0b9c"
SUMMARY = "One API in front of many models, with keys, limits and an exact ledger."

DESCRIPTION = """\
Tollbar speaks OpenAI's dialect: give any client of it this server's address with `/v1` as its base URL and a Tollbar
key as its API key.

**Keys.** Send `Authorization: Bearer KEY`. `x-api-key`, `api-key`, `x-goog-api-key` and `x_api_key` are read as well;
the same key in two of them is fine, two different keys are refused. A key in the address is read on
`/response` alone, where a setting says so. Keys for calls and the admin key open different doors.

**Errors** at the addresses of OpenAI's dialect (`/v1/…`, `/models`, `/chat/completions`) have OpenAI's shape:

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

All others answer in the unified shape, with codes in upper case and `details` always an object:

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
        "By how much that differs from the reading before. It is read a few times a second at most, not for each "
        "request.",
        "number",
    ),
    "x-tollbar-target": _header("The target that answered: `provider/model`.", "string", examples=["openai/gpt-4o"]),
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

SAYS_SOMETHING = "[^\\s\\u001c-\\u001f\\u0085]"
"""A pattern for what is not empty after stripping: Python strips more than a pattern's `\\s`."""
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "model": {
        "name": "model",
        "in": "path",
        "required": True,
        "description": "The model's name; it may hold slashes.",
        "schema": {"type": "string"},
        "example": "tollbar-guide",
    },
    "model_name": {
        "name": "model_name",
        "in": "path",
        "required": True,
        "description": "The model's name; it may hold slashes.",
        "schema": {"type": "string"},
        "example": "tollbar-guide",
    },
    "message": {
        "name": "message",
        "in": "query",
        "required": True,  # unless there is a body, which cannot be described of a GET
        "description": "What to answer; not needed where a JSON body says it.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 1_000, "pattern": SAYS_SOMETHING},
        "example": "What is a token bucket?",
    },
    "system_prompt": {
        "name": "system_prompt",
        "in": "query",
        "required": False,
        "description": "How to answer, where there is no body.",
        "schema": {"type": "string"},
        "example": "Answer in ten words.",
    },
    "tokens": {
        "name": "tokens",
        "in": "query",
        "required": False,
        "description": "The longest answer, in tokens, where there is no body.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 16_384},
        "example": 200,
    },
    "stream": {
        "name": "stream",
        "in": "query",
        "required": False,
        "description": "Send the answer as it is made.",
        "schema": {"type": "boolean", "default": False},
        "example": False,
    },
    "key_id": {
        "name": "key_id",
        "in": "path",
        "required": True,
        "description": "The key's public id.",
        "schema": {"type": "string"},
        "example": "3fK9x0PqLm",
    },
    "name": {
        "name": "name",
        "in": "path",
        "required": True,
        "description": "The file's name.",
        "schema": {"type": "string"},
        "example": "mark.svg",
    },
    "if-match": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "The ETag of the key as it was read.",
        "schema": {"type": "string", "pattern": r'^((W/)?"\d{1,18}"|\*)$'},
        "example": '"1"',
    },
}

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
