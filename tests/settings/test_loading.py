"""Settings from all their sources."""

from pathlib import Path

import pytest

from tests.settings.making import faults, make
from tollbar.settings import Secret, SettingsError, load
from tollbar.settings.fields import Rate

CONTRACT = """
providers:
  main:   {vendor: openai, api_key: "${OPENAI_API_KEY}"}
  claude: {vendor: anthropic, api_key: "${ANTHROPIC_API_KEY}"}
  lab:    {wire: openai, base_url: "http://10.0.0.7:8000/v1"}
models:
  gpt-4o: main/gpt-4o
  smart:
    targets: [main/gpt-4o, claude/claude-sonnet-4-5]
    strategy: ordered
    multiplier: 3
  "gpt-3.5-turbo": {alias: smart}
default_model: smart
default_local_model: tollbar-guide
tiers:     {basic: {cost: 2}, premium: {cost: 1}}
anonymous: {enabled: false}
self_service: {enabled: false, models: [gpt-4o], credits: 100}
limits:    {per_address: ["100/day", "20/minute"], routes: {"/generate": {per: address, rates: ["10/minute"]}}}
"""


def test_the_contract_s_example_means_what_it_says(tmp_path: Path) -> None:
    """The example of the contract is read whole, into typed values."""
    settings = make(tmp_path, CONTRACT, environment={"OPENAI_API_KEY": "sk-o", "ANTHROPIC_API_KEY": "sk-a"})
    assert settings.providers["main"].api_key == Secret("sk-o")
    assert settings.providers["lab"].base_url == "http://10.0.0.7:8000/v1"
    assert settings.models["gpt-4o"].targets == ("main/gpt-4o",)
    assert (settings.models["smart"].multiplier, settings.models["gpt-3.5-turbo"].alias) == (3, "smart")
    assert (settings.default_model, settings.tiers["basic"].cost) == ("smart", 2)
    assert settings.limits.per_address == (Rate(100, 86_400), Rate(20, 60))
    assert settings.limits.routes["/health"].rates == (Rate(30, 60),)
    assert [warning.partition(": ")[2] for warning in settings.warnings] == [
        f"{name} is planned: it has no effect yet." for name in ()
    ]


def test_nothing_at_all_is_enough(tmp_path: Path) -> None:
    """Without file and environment everything has its default."""
    settings = make(tmp_path)
    assert (settings.server.host, settings.server.port, settings.data) == ("127.0.0.1", 8000, Path("data"))
    assert (settings.config_file, dict(settings.origins), settings.warnings) == (None, {}, ())


def test_sources_go_before_each_other_in_order(tmp_path: Path) -> None:
    """Default, file, .env, environment, flag: each beats the ones before it."""
    environment = {"API_HOST": "10.0.0.4", "DEFAULT_MAX_TOKENS": "40"}
    settings = make(
        tmp_path,
        "server: {host: 10.0.0.2, port: 2}\ndefaults: {max_tokens: 20, temperature: 0.2}\nretries: {attempts: 2}\n",
        "API_PORT=3\nAPI_HOST=10.0.0.3\nDEFAULT_MAX_TOKENS=30\n",
        environment,
        {"server.host": "10.0.0.5", "server.port": None},
    )
    assert (settings.server.host, settings.server.port) == ("10.0.0.5", 3)
    assert (settings.defaults.max_tokens, settings.defaults.temperature, settings.retries.attempts) == (40, 0.2, 2)
    told = {name: origin.replace(f"{tmp_path}/", "") for name, origin in settings.origins.items()}
    assert (told["server.host"], told["server.port"], told["defaults.max_tokens"], told["retries.attempts"]) == (
        "--host",
        ".env, line 1: API_PORT",
        "environment: DEFAULT_MAX_TOKENS",
        "tollbar.yaml, line 3",
    )


def test_of_several_names_the_first_holds_within_one_source(tmp_path: Path) -> None:
    """API_PORT goes before PORT; yet the environment's PORT goes before API_PORT in .env."""
    assert make(tmp_path, environment={"API_PORT": "1", "PORT": "2"}).server.port == 1
    assert make(tmp_path, env_file="API_PORT=1\n", environment={"PORT": "2"}).server.port == 2


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    """An empty variable changes nothing, and does not hide what .env says."""
    settings = make(tmp_path, env_file="API_PORT=1\n", environment={"API_PORT": "", "API_HOST": ""})
    assert (settings.server.port, settings.server.host) == (1, "127.0.0.1")


def test_every_fault_of_every_source_is_told_at_once(tmp_path: Path) -> None:
    """File, .env, environment and flag: one list, each with place, key and remedy."""
    yaml = "server: {port: abc, hots: x}\nmodels: {a: {alias: b}, c: oops/x, d: {strategy: x}}\nproviders: {p: {}}\n"
    told = faults(
        tmp_path,
        yaml,
        "TOLLBAR_DAAT=x\nnonsense here\n",
        {"REQUEST_TIMEOUT": "soon", "TOLLBAR_ADMIN_KEY": "short"},
        {"retries.attempts": 9},
    )
    assert [line.partition(". ")[0].rstrip(".") for line in told] == [
        ".env, line 2: is no assignment",
        ".env, line 1: TOLLBAR_DAAT is no setting",
        "tollbar.yaml, line 1: server.port is 'abc' but must be a whole number",
        "tollbar.yaml, line 1: server.hots is no setting",
        "tollbar.yaml, line 3: providers.p needs either vendor (one that Tollbar knows) or wire (with base_url)",
        "tollbar.yaml, line 2: models.d.strategy is 'x' but must be `ordered`",
        "environment: REQUEST_TIMEOUT is 'soon' but must be a number",
        "command line: --attempts is 9 but must be 5 or less",
        "environment: TOLLBAR_ADMIN_KEY has 5 characters, too few to be safe: 16 are needed",
        "tollbar.yaml, line 2: models.c.targets[0] is 'oops/x', but there is no provider 'oops'",
        "tollbar.yaml, line 2: models.a.alias leads to 'b', which is no model here",
    ]


def test_a_typo_names_the_nearest_valid_name(tmp_path: Path) -> None:
    """In the file and in the environment, the remedy is the name that was meant."""
    told = faults(tmp_path, "defualt_model: x\n", "OPENAI_API_KYE=x\n", {"TOLLBAR_ADMINKEY": "x", "TOLLBAR_PROT": "9"})
    assert [line.rpartition(". Did you mean ")[2] for line in told] == [
        "OPENAI_API_KEY? Remove the line if not.",
        "TOLLBAR_ADMIN_KEY?",
        "PORT?",
        "default_model?",
    ]


def test_names_of_others_are_left_alone(tmp_path: Path) -> None:
    """The environment and .env are full of names that are not ours; a TOLLBAR_ name that the file uses is known."""
    environment = {"HOME": "/root", "OPENAI_ORG": "x", "OPENAI_API_KYE": "x", "TOLLBAR_LAB_URL": "http://lab/v1"}
    env_file = "OTHER_TOOL=1\nOPENAI_API_KEY=a\nOPENAI_API_KEY_2=b\n"
    settings = make(tmp_path, 'providers: {lab: {wire: openai, base_url: "${TOLLBAR_LAB_URL}"}}', env_file, environment)
    assert settings.providers["lab"].base_url == "http://lab/v1"


def test_a_reference_that_leads_nowhere_is_one_fault(tmp_path: Path) -> None:
    """The value that it leaves empty is not complained about a second time."""
    told = faults(tmp_path, 'server: {public_url: "${NOWHERE}"}')
    assert [line.partition(",")[0] + line.partition("refers")[1] for line in told] == ["tollbar.yamlrefers"]


def test_another_settings_file_may_be_named(tmp_path: Path) -> None:
    """By the flag before the variable; a file that is not there is a fault, the default one may be missing."""
    (tmp_path / "one.yaml").write_text("server: {port: 1}")
    (tmp_path / "two.yaml").write_text("server: {port: 2}")
    environment = {"TOLLBAR_CONFIG": "one.yaml"}
    assert make(tmp_path, environment=environment).server.port == 1
    settings = make(tmp_path, environment=environment, flags={"config": tmp_path / "two.yaml"})
    assert (settings.server.port, settings.config_file) == (2, tmp_path / "two.yaml")
    (told,) = faults(tmp_path, environment={"TOLLBAR_CONFIG": "three.yaml"})
    assert (
        told == "environment: TOLLBAR_CONFIG names three.yaml, which is no file. Give the path of a file that exists."
    )


def test_provider_keys_are_kept_under_their_names(tmp_path: Path) -> None:
    """Only the names asked for are kept, masked; empty ones and examples are not, and an example is told."""
    environment = {"OPENAI_API_KEY": "sk-real", "OTHER_KEY": "x"}
    settings = make(tmp_path, env_file="ANTHROPIC_API_KEY=your_api_key_here\n", environment=environment)
    assert dict(settings.secrets) == {"OPENAI_API_KEY": Secret("sk-real")}
    assert settings.origins["OPENAI_API_KEY"] == "environment"
    assert [warning.rpartition("/")[2] for warning in settings.warnings] == [
        ".env, line 1: ANTHROPIC_API_KEY holds an example, which is not used."
    ]


def test_the_names_of_the_five_systems_work(tmp_path: Path) -> None:
    """The environment variables of all five systems set what they set there."""
    environment = {
        "LLM_BASE_URL": "https://api.mistral.ai/v1",
        "LLM_MODEL": "mistral-small-latest",
        "LLM_API_KEY": "k",
        "LLM_SYSTEM_PROMPT": "Be polite.",
        "LLM_TEMPERATURE": "0.5",
        "LLM_MAX_TOKENS": "900",
        "REQUEST_TIMEOUT": "30.0",
        "DEFAULT_MODEL": "gpt-4o-mini",
        "DEFAULT_TEMPERATURE": "0.7",
        "DEFAULT_MAX_TOKENS": "1000",
        "API_HOST": "0.0.0.0",
        "API_PORT": "8001",
        "ENV": "development",
        "DEBUG": "true",
        "ADMIN_SECRET": "a-secret",
        "x_api_key": "a-key",
    }
    settings = make(tmp_path, environment=environment)
    assert (settings.llm.base_url, settings.llm.model, settings.llm.api_key) == (
        "https://api.mistral.ai/v1",
        "mistral-small-latest",
        Secret("k"),
    )
    assert (settings.defaults.temperature, settings.defaults.max_tokens) == (0.5, 900)
    assert (settings.defaults.system_prompt, settings.default_model) == ("Be polite.", "gpt-4o-mini")
    assert (settings.server.host, settings.server.port, settings.debug) == ("0.0.0.0", 8001, True)
    assert (settings.is_development, settings.timeouts.simple_attempt_seconds) == (True, 30.0)
    assert (settings.rotating_key.admin_secret, settings.static_key) == (Secret("a-secret"), Secret("a-key"))


def test_no_secret_is_printed(tmp_path: Path) -> None:
    """The text of the settings, and of faults about them, holds none of their secrets."""
    secret = "gT5kq0Lw2Zx8Vb3Nm6Yc1Ra7"
    environment = {"TOLLBAR_ADMIN_KEY": secret, "LLM_API_KEY": secret, "OPENAI_API_KEY": secret}
    yaml = 'providers: {p: {vendor: openai, api_key: "${OPENAI_API_KEY}"}}'
    environment |= {"LLM_BASE_URL": "http://x/v1", "LLM_MODEL": "m"}
    assert secret not in repr(make(tmp_path, yaml, environment=environment))
    with pytest.raises(SettingsError) as caught:
        load(environment | {"TOLLBAR_ADMIN_KEY": secret[:15], "TOLLBAR_SECRET": secret}, {}, directory=tmp_path)
    assert secret[:15] not in str(caught.value)
