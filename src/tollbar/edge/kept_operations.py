"""What the API document says of the addresses of responses that are kept."""

from collections.abc import Mapping

from tollbar.domain import errors
from tollbar.edge import file_operations
from tollbar.edge.operation import Operation

_FAILURES = (errors.NotFound, errors.Overloaded)
_WORDS = {"type": "output_text", "text": "tollbar keys create --name ana", "annotations": []}
_SHOWN = Operation(
    tag="Calls",
    summary="A response that was kept",
    description="As it was told to the key that asks. One of another key is as unknown as one that never was.",
    answer="ResponseObject",
    example={
        "id": "resp_8f2c",
        "object": "response",
        "status": "completed",
        "model": "tollbar-guide",
        "store": True,
        "output": [
            {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [_WORDS]},
        ],
        "usage": {"input_tokens": 9, "output_tokens": 12, "total_tokens": 21},
    },
    errors=(errors.InvalidValue, *_FAILURES),
)
_REMOVED = Operation(
    tag="Calls",
    summary="Forget a response",
    description="For good. A request that goes on from it is refused from then on.",
    answer="RemovedResponse",
    example={"id": "resp_8f2c", "object": "response", "deleted": True},
    errors=_FAILURES,
)
_ITEMS = Operation(
    tag="Calls",
    summary="What a response was made from",
    description="The items of its own request, the last one first unless `order=asc`. `after` is an item's id, `limit` "
    "the most items of a page: 20, and no more than 100.",
    answer="ResponseItems",
    example={
        "object": "list",
        "data": [
            {
                "id": "item_8f2c_0",
                "type": "message",
                "role": "user",
                "status": "completed",
                "content": [{"type": "input_text", "text": "How do I create a key?"}],
            }
        ],
        "first_id": "item_8f2c_0",
        "last_id": "item_8f2c_0",
        "has_more": False,
    },
    errors=(errors.InvalidValue, *_FAILURES),
)

RESPONSES: Mapping[tuple[str, str], Operation] = {
    (method, f"{prefix}/responses/{{response_id}}{below}"): operation
    for prefix in ("/v1", "")
    for method, below, operation in (("GET", "", _SHOWN), ("DELETE", "", _REMOVED), ("GET", "/input_items", _ITEMS))
}
OPERATIONS: Mapping[tuple[str, str], Operation] = {**RESPONSES, **file_operations.OPERATIONS}
"""Of all that is kept for a key."""
