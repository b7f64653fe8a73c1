"""Reads what stands around Tollbar: files, their schemas, and the environment that each would give a server."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from tests.rules.source import ROOT
from tollbar.app.known import known_names
from tollbar.settings import Settings, load
from tollbar.settings.describe import environment_names
from tollbar.settings.loading import CONFIG_NAME

SCHEMAS = Path(__file__).parent / "schemas"
# What people put where a file leaves a secret to them.
FILLED_IN = "a-value-that-somebody-made-up-0123456789"


class Loader(yaml.SafeLoader):
    """YAML as Compose reads it, where `!reset` takes away what the file below had said."""


Loader.add_constructor("!reset", lambda loader, node: loader.construct_sequence(node))


def documents(path: str) -> list[Any]:
    """The documents of a YAML or JSON file of the project."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return [json.loads(text)] if path.endswith(".json") else list(yaml.load_all(text, Loader))


def document(path: str) -> Any:
    """The one document of a file."""
    (found,) = documents(path)
    return found


@cache
def validator(schema: str) -> jsonschema_rs.Validator:
    """The validator of one of our schemas."""
    return jsonschema_rs.validator_for(json.loads((SCHEMAS / f"{schema}.json").read_text(encoding="utf-8")))


def faults(schema: str, value: Any) -> list[str]:
    """What a document does that its format does not allow, with the place."""
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in validator(schema).iter_errors(value)
    ]


def image_environment() -> dict[str, str]:
    """What the image sets by itself."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    final = text[text.rindex("\nFROM ") :]
    pairs = [word for line in re.findall(r"^ENV (.*)$", final, re.MULTILINE) for word in line.split()]
    return dict(pair.split("=", 1) for pair in pairs)


def settings_in_container(directory: Path, environment: Mapping[str, str]) -> Settings:
    """The settings of a container with this environment above the image's own; raises SettingsError."""
    return load({**image_environment(), **environment}, {}, known_names(), directory)


def unknown_names(environment: Mapping[str, str]) -> set[str]:
    """The names among these that nothing in the container reads: neither Tollbar, nor Python, nor the shell."""
    known = {*environment_names(), *known_names().secrets, CONFIG_NAME, "PATH"}
    return {name for name in environment if name not in known and not name.startswith("PYTHON")}
