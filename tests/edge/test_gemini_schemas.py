"""What the document says of Google's dialect, its codec and Google's own types agree with."""

import json

from google.genai import types

from tollbar.edge.gemini_schemas import COUNT, GENERATE, SCHEMAS, STREAM
from tollbar.wire.dialect import Incoming
from tollbar.wire.gemini.request import decode


def test_examples_are_requests_and_answers() -> None:
    """Each is read without a fault."""
    for operation in (GENERATE, STREAM, COUNT):
        assert operation.body in SCHEMAS
        assert operation.answer in SCHEMAS
        for example in operation.body_examples.values():
            decode(Incoming(json.dumps(example["value"]).encode(), name="m"), stream=False).source.expand()
    types.GenerateContentResponse.model_validate(GENERATE.example)
    types.CountTokensResponse.model_validate(COUNT.example)
