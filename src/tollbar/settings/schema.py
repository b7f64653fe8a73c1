"""The JSON schema of `tollbar.yaml`, for editors: made from the same declarations as everything else."""

from typing import Any

from tollbar.settings.describe import PLANNED
from tollbar.settings.values import Declared


def json_schema() -> dict[str, Any]:
    """The schema, JSON Schema 2020-12. Every value may also be text, since text may hold a `${NAME}`."""
    schema = Declared.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "tollbar.yaml"
    schema["description"] = "The settings of Tollbar."
    model = schema["$defs"]["Model"]
    target = {"type": "string", "description": "The one target of the model, as provider/model.", "pattern": "/"}
    schema["$defs"]["Model"] = {"anyOf": [target, model]}
    return _tidy(schema)


def _tidy(node: Any) -> Any:
    """Leaves out what only the loader reads, says what is planned, and lets plain values be references."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidied: dict[str, Any] = {}
    for name, value in node.items():
        if name in {"properties", "$defs"}:  # what stands here are names of ours, not words of the schema
            tidied[name] = {key: _tidy(inner) for key, inner in value.items()}
        elif name not in {"unit", "environment", "title", "planned"}:
            tidied[name] = _tidy(value)
    if node.get("planned") is True:
        tidied["description"] = f"{PLANNED.capitalize()}. {node.get('description', '')}".rstrip()
    if node.get("type") == "array":  # one entry may be written without its list
        tidied = {"anyOf": [tidied, tidied["items"]]}
    if node.get("type") in {"integer", "number", "boolean"}:
        plain = {name: tidied.pop(name) for name in ("type", "minimum", "maximum") if name in tidied}
        tidied["anyOf"] = [plain, {"type": "string", "pattern": r"\$\{\w+\}"}]
    return tidied
