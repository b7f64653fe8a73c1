"""What the document says of Ollama's endpoints is what their codecs read and write."""

import json

from ollama import ChatResponse, GenerateResponse

from tollbar.edge.ollama_operations import OPERATIONS
from tollbar.wire.dialect import Incoming
from tollbar.wire.ollama import CHAT, GENERATE


def test_the_examples_are_read_and_told_so() -> None:
    """Each request by the dialect of its address, each answer by the SDK's own model."""
    for path, dialect, model in (("/api/chat", CHAT, ChatResponse), ("/api/generate", GENERATE, GenerateResponse)):
        entry = OPERATIONS["POST", path]
        for example in entry.body_examples.values():
            assert dialect.decode(Incoming(json.dumps(example["value"]).encode())).model == "tollbar-guide"
        model.model_validate(entry.example)
        (line,) = entry.streams.values()
        model.model_validate(json.loads(line))
