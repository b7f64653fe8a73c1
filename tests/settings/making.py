"""Settings of a made directory, as a test writes them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tollbar.settings import KnownNames, Settings, SettingsError, load

KNOWN = KnownNames(
    secrets=("OPENAI_API_KEY", "ANTHROPIC_API_KEY"), vendors=("openai", "anthropic"), wires=("openai", "ollama")
)


def make(
    directory: Path,
    yaml: str = "",
    env_file: str = "",
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """The settings of these sources; without text, a source is missing."""
    for name, text in (("tollbar.yaml", yaml), (".env", env_file)):
        if text:
            (directory / name).write_text(text, encoding="utf-8")
    return load(environment or {}, flags or {}, KNOWN, directory)


def faults(
    directory: Path,
    yaml: str = "",
    env_file: str = "",
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> list[str]:
    """What is wrong with these sources, one line each, without the directory."""
    with pytest.raises(SettingsError) as caught:
        make(directory, yaml, env_file, environment, flags)
    return [str(fault).replace(f"{directory}/", "") for fault in caught.value.faults]
