"""What the API document says of files."""

from collections.abc import Mapping

from tollbar.domain import errors
from tollbar.edge.operation import UPSTREAM, Operation

Schema = dict[str, object]
FORM = "multipart/form-data"
_TEXT: Schema = {"type": "string"}
_FILE = {
    "id": "file-8f2c",
    "object": "file",
    "bytes": 120,
    "created_at": 1_795_190_400,
    "filename": "batch.jsonl",
    "purpose": "batch",
}
SCHEMAS: Mapping[str, Schema] = {
    "FileForm": {
        "type": "object",
        "description": "A file, as the provider wants it.",
        "properties": {
            "file": {"type": "string", "format": "binary"},
            "purpose": {**_TEXT, "description": "What it is for: `batch`, `user_data`, … by the provider's words."},
        },
        "required": ["file", "purpose"],
        "additionalProperties": True,
    },
    "File": {
        "type": "object",
        "description": "What the provider says of a file.",
        "properties": {"id": _TEXT, "filename": _TEXT, "purpose": _TEXT, "bytes": {"type": "integer"}},
        "required": ["id"],
        "additionalProperties": True,
    },
    "FileList": {
        "type": "object",
        "description": "Files of the key that asks.",
        "properties": {"data": {"type": "array", "items": {"$ref": "#/components/schemas/File"}}},
        "required": ["data"],
        "additionalProperties": True,
    },
    "RemovedFile": {
        "type": "object",
        "description": "What was deleted.",
        "properties": {"id": _TEXT, "deleted": {"type": "boolean"}},
        "required": ["id"],
        "additionalProperties": True,
    },
}
_FAILURES = (errors.NotFound, errors.Overloaded, *UPSTREAM)
_OPERATIONS = {
    ("POST", ""): Operation(
        tag="Calls",
        summary="Put a file at a provider",
        description="The form goes on as it is, to the provider that `?provider=NAME` or the header "
        "`x-tollbar-provider` names; else to that of the default model, or to the only one that has files. The file is "
        "the key's own.",
        body="FileForm",
        body_type=FORM,
        body_examples={"batch": {"summary": "A batch", "value": {"purpose": "batch", "file": "(a file)"}}},
        answer="File",
        example=_FILE,
        errors=(errors.InvalidValue, errors.PayloadTooLarge, errors.RequestTimeout, *_FAILURES),
    ),
    ("GET", ""): Operation(
        tag="Calls",
        summary="The files of a key",
        description="As they were when they came, the newest first unless `order=asc`; `purpose`, `after` and `limit` "
        "choose.",
        answer="FileList",
        example={"object": "list", "data": [_FILE], "first_id": "file-8f2c", "last_id": "file-8f2c", "has_more": False},
        errors=(errors.InvalidValue, errors.NotFound, errors.Overloaded),
    ),
    ("GET", "/{file_id}"): Operation(
        tag="Calls", summary="A file", description="Asks the provider.", answer="File", example=_FILE, errors=_FAILURES
    ),
    ("DELETE", "/{file_id}"): Operation(
        tag="Calls",
        summary="Delete a file",
        description="At the provider, too.",
        answer="RemovedFile",
        example={"id": "file-8f2c", "object": "file", "deleted": True},
        errors=_FAILURES,
    ),
    ("GET", "/{file_id}/content"): Operation(
        tag="Calls",
        summary="What is in a file",
        description="As it comes from the provider.",
        answer_type="application/octet-stream",
        errors=_FAILURES,
    ),
}
OPERATIONS: Mapping[tuple[str, str], Operation] = {
    (method, f"{prefix}/files{below}"): operation
    for prefix in ("/v1", "")
    for (method, below), operation in _OPERATIONS.items()
}
