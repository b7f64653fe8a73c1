"""What the document says of local models."""

import json

from tollbar.edge.local_operations import OPERATIONS
from tollbar.edge.local_schemas import PullView


def test_the_example_of_an_event_is_one() -> None:
    """A frame that holds a pull."""
    example = OPERATIONS["GET", "/admin/api/models/pulls/{pull_id}/events"].example
    assert isinstance(example, str)
    assert PullView.model_validate(json.loads(example.removeprefix("data: "))).model == "tinyllama"
