"""Whether the events of a streamed response are what OpenAI's SDK says they are."""

import json
from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tollbar.wire import sse

_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def check_steps(raw: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each of which must fit its model and have its number, name and place."""
    steps: list[dict[str, Any]] = [json.loads(data) for data in sse.payloads(raw) if data is not None]
    names = [frame.partition(b"\n")[0].removeprefix(b"event: ").strip().decode() for frame in sse.frames(raw)]
    assert names == [step["type"] for step in steps]
    assert [step["sequence_number"] for step in steps] == list(range(len(steps)))
    open_items: set[int] = set()
    texts: dict[tuple[str, int], str] = {}
    for step in steps:
        found = _EVENT.validate_python(step)
        assert found.type == step["type"]
        match step["type"]:
            case "response.output_item.added":
                assert step["output_index"] not in open_items
                open_items.add(step["output_index"])
            case "response.output_item.done":
                open_items.remove(step["output_index"])
            case "response.output_text.delta":
                assert step["output_index"] in open_items
                place = step["item_id"], step["content_index"]
                texts[place] = texts.get(place, "") + step["delta"]
            case "response.output_text.done":
                assert texts.pop((step["item_id"], step["content_index"]), "") == step["text"]
    assert (open_items, texts) == (set(), {})
    done = [step["item"] for step in steps if step["type"] == "response.output_item.done"]
    final = steps[-1]["response"]
    assert sorted(done, key=str) == sorted(final["output"], key=str)
    Response.model_validate(final)
    return steps
