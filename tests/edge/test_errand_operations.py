"""What the document says of errands is what their codecs read."""

import json

from tollbar.edge.errand_operations import OPERATIONS
from tollbar.edge.routes import CALLS, FORWARDED
from tollbar.wire.dialect import Incoming


def test_the_examples_are_read() -> None:
    """By the dialects of their addresses; forms have none that could be written down."""
    dialects = {row.path: row.dialect for row in CALLS}
    for (_, path), entry in OPERATIONS.items():
        for example in entry.body_examples.values():
            request = dialects[path].decode(Incoming(json.dumps(example["value"]).encode(), name="m"))
            assert request.errand is not None
    assert {path for _, path in OPERATIONS} >= {f"/v1{path}" for path in FORWARDED}
