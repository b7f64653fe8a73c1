"""Names by habit mean the default model, unless somebody serves them."""

from pathlib import Path

import pytest

from tests.app.test_catalogue import an_offer
from tollbar.app.aliases import LEGACY_NAMES, legacy_aliases
from tollbar.gateway.resolve import find
from tollbar.providers.vendors import load


def test_every_name_is_openais() -> None:
    """Each would go to OpenAI where that is configured, so that it is found there as well."""
    families = tuple((family, "openai") for family in load()["openai"].families)
    assert legacy_aliases("m", families) == {}
    assert legacy_aliases("m", ()) == dict.fromkeys(LEGACY_NAMES, "m")
    assert legacy_aliases("gpt-4", ()) == dict.fromkeys(set(LEGACY_NAMES) - {"gpt-4"}, "gpt-4")


@pytest.mark.parametrize(
    ("environment", "target"),
    [
        ({}, "tollbar/tollbar-guide"),
        ({"GROQ_API_KEY": "gsk-0123456789"}, "groq/"),
        ({"LLM_BASE_URL": "http://127.0.0.1:9/v1", "LLM_MODEL": "llama3.2"}, "llm/llama3.2"),
        ({"OPENAI_API_KEY": "sk-0123456789"}, "openai/gpt-3.5-turbo"),
    ],
)
def test_an_editors_usual_model_is_found(tmp_path: Path, environment: dict[str, str], target: str) -> None:
    """Whatever the environment configures."""
    catalogue = an_offer(tmp_path, **environment).catalogue
    assert find("gpt-3.5-turbo", catalogue).targets[0].name.startswith(target)


def test_with_a_file_aliases_are_what_it_says(tmp_path: Path) -> None:
    """No name is served that it does not declare."""
    yaml = 'providers: {lab: {wire: openai, base_url: "http://127.0.0.1:9/v1"}}\nmodels: {m: lab/a}\n'
    assert an_offer(tmp_path, yaml).catalogue.aliases == {}
