"""What addresses take, for the API document: the parameters of its operations, each described once."""

from collections.abc import Mapping
from typing import Any

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
    "alt": {
        "name": "alt",
        "in": "query",
        "required": False,
        "description": "`sse` for events; without it the stream is one JSON array.",
        "schema": {"type": "string", "enum": ["sse", "json"]},
        "example": "sse",
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
    "response_id": {
        "name": "response_id",
        "in": "path",
        "required": True,
        "description": "The `id` of a response.",
        "schema": {"type": "string"},
        "example": "resp_8f2c",
    },
    "file_id": {
        "name": "file_id",
        "in": "path",
        "required": True,
        "description": "The `id` of a file.",
        "schema": {"type": "string"},
        "example": "file-8f2c",
    },
    "request_id": {
        "name": "request_id",
        "in": "path",
        "required": True,
        "description": "The id of a request, from its `x-request-id`.",
        "schema": {"type": "string"},
        "example": "req_19b77488500823c000000004",
    },
    "team_id": {
        "name": "team_id",
        "in": "path",
        "required": True,
        "description": "The team's id.",
        "schema": {"type": "string"},
        "example": "team_7Yh2pQ0xLa",
    },
    "pull_id": {
        "name": "pull_id",
        "in": "path",
        "required": True,
        "description": "The id of a pull.",
        "schema": {"type": "string"},
        "example": "pull_0f1e2d3c4b5a6978",
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
