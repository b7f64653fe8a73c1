"""`.env.example` documents every name that Tollbar reads from the environment."""

import re
from pathlib import Path

from tests.settings.making import KNOWN
from tollbar.app.known import known_names
from tollbar.settings import load
from tollbar.settings.describe import environment_names, rows
from tollbar.settings.loading import CONFIG_NAME, KEY_NAME

EXAMPLE = Path(__file__).parents[2] / ".env.example"
# The names that people bring from the systems whose contract Tollbar keeps, and our own.
PROMISED = {
    *("LLM_BASE_URL", "LLM_MODEL", "LLM_API_KEY", "LLM_SYSTEM_PROMPT", "LLM_TEMPERATURE", "LLM_MAX_TOKENS"),
    *("OPENAI_API_KEY", "DEFAULT_MODEL", "DEFAULT_TEMPERATURE", "DEFAULT_MAX_TOKENS", "REQUEST_TIMEOUT"),
    *("API_HOST", "API_PORT", "PORT", "ENV", "DEBUG", "GROQ_API_KEY", "ADMIN_SECRET", "x_api_key", "HF_TOKEN"),
    *("TOLLBAR_DATA", "TOLLBAR_ADMIN_KEY", "TOLLBAR_CONFIG", "TOLLBAR_SECRET", "DATABASE_URL", "REDIS_URL"),
}


def documented() -> list[str]:
    """The names of the example, in its order."""
    return re.findall(r"^# ([A-Za-z_]+)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_name_is_documented_once() -> None:
    """Settings, the settings file, vendors' keys and address parts: all are there, and nothing else."""
    names = {*environment_names(), CONFIG_NAME, KEY_NAME, *known_names().secrets}
    assert sorted(documented()) == sorted(names)
    assert names >= PROMISED


def test_what_is_planned_is_marked() -> None:
    """The words above a name say so exactly where nothing uses it yet."""
    planned = {name for row in rows() if row.is_planned for name in row.environment}
    marked: set[str] = set()
    words, is_new = "", True
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if name := re.match(r"# ([A-Za-z_]+)=", line):
            marked |= {name[1]} if "(planned)" in words else set()
            is_new = True
        else:
            words = line if is_new or not line else f"{words} {line}"
            is_new = False
    assert sorted(marked) == sorted(planned)


def test_its_values_can_be_used(tmp_path: Path) -> None:
    """Every line without its # is a value that holds."""
    text = re.sub(r"^# ([A-Za-z_]+=)", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = text.replace("TOLLBAR_CONFIG=./tollbar.yaml\n", "")  # which does not exist here
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    settings = load({}, {}, KNOWN, tmp_path)
    assert (settings.llm.model, settings.vendors.ollama_host) == ("llama3.2", "127.0.0.1:11434")
    assert [warning for warning in settings.warnings if "is planned" not in warning] == []


def test_as_it_is_it_changes_nothing(tmp_path: Path) -> None:
    """Copied and left alone, it sets nothing."""
    (tmp_path / ".env").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    assert dict(load({}, {}, KNOWN, tmp_path).origins) == {}
