"""The settings as a whole."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.settings.making import make
from tollbar.settings.fields import Rate
from tollbar.settings.values import Declared


def test_every_default_is_valid() -> None:
    """What nobody sets passes its own checks."""
    settings = Declared.model_validate({})
    assert settings.limits.per_address == (Rate(100, 86_400), Rate(20, 60))
    assert {name: tier.cost for name, tier in settings.tiers.items()} == {"basic": 2, "premium": 1}


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    """Neither a value nor an entry of what was loaded can be replaced."""
    settings = make(tmp_path, "models: {m: openai/x}")
    with pytest.raises(ValidationError, match="frozen"):
        settings.debug = True  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.models["m"] = settings.models["m"]  # type: ignore[index]


@pytest.mark.parametrize(("name", "expected"), [("development", True), ("Dev", True), ("production", False)])
def test_development_is_asked_for(tmp_path: Path, name: str, expected: bool) -> None:
    """Only ENV's words for development turn its conveniences on."""
    assert make(tmp_path, environment={"ENV": name}).is_development is expected
