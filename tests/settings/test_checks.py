"""What settings must hold together."""

from pathlib import Path

import pytest

from tests.settings.making import faults, make
from tollbar.settings.checks import is_example, is_weak
from tollbar.settings.secret import Secret

GOOD = "gT5kq0Lw2Zx8Vb3Nm6Yc1Ra7Pd4Se9Uf"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (GOOD[:15], "has 15 characters"),
        ("abababababababababab", "repeats"),
        ("your-admin-key-goes-here", "example"),
        ("sk-your-openai-api-key", "example"),
        ("correct-password-2026", "example"),
        ("sk-1234567890abcdef", "example"),
        ("xxxxxxxxxxxxxxxxabcdefg", "example"),
    ],
)
def test_weak_secrets_are_known(text: str, why: str) -> None:
    """Short ones, monotonous ones and well-known examples are weak."""
    assert why in (is_weak(Secret(text), 16) or "")


def test_a_good_secret_is_not_weak() -> None:
    """Random text of the length asked for is fine."""
    assert (is_weak(Secret(GOOD), 32), is_example(GOOD)) == (None, False)


def test_weak_secrets_stop_the_start(tmp_path: Path) -> None:
    """The admin key and the instance secret must be strong; the others must at least be no examples."""
    environment = {
        "TOLLBAR_ADMIN_KEY": "changeme-changeme",
        "TOLLBAR_SECRET": GOOD[:31],
        "ADMIN_SECRET": "your_admin_secret",
        "x_api_key": "your_secret_api_key",
    }
    told = faults(tmp_path, environment=environment)
    assert [line.partition(" ")[2].partition(" ")[0] for line in told] == [
        "TOLLBAR_ADMIN_KEY",
        "TOLLBAR_SECRET",
        "ADMIN_SECRET",
        "x_api_key",
    ]
    assert all("secrets.token_urlsafe" in line for line in told)
    make(tmp_path, environment={"TOLLBAR_ADMIN_KEY": GOOD, "TOLLBAR_SECRET": GOOD})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "mysql://u:hush@host/db", "is 'mysql://***@host/db', which is no store that Tollbar knows"),
        ("DATABASE_URL", "postgresql://u:hush@host/db", "secret is needed with Postgres: every server must have the"),
        ("DATABASE_URL", "sqlite:///other.db", "the database always lies in the data directory"),
        ("REDIS_URL", "http://:hush@host", "is 'http://***@host', which is no address of a Redis"),
    ],
)
def test_stores_that_do_not_exist_are_refused(tmp_path: Path, name: str, value: str, said: str) -> None:
    """The fault is told without the password; and Postgres wants a secret that all servers share."""
    (told,) = faults(tmp_path, environment={name: value})
    assert said in told
    assert "hush" not in told


def test_the_stores_that_exist_may_be_named(tmp_path: Path) -> None:
    """The defaults may be written out; a Postgres alone is worth a warning."""
    make(tmp_path, environment={"DATABASE_URL": "sqlite://", "REDIS_URL": "memory://"})
    shared = {"DATABASE_URL": "postgresql://u@host/db", "TOLLBAR_SECRET": GOOD}
    assert "set REDIS_URL as well" in "".join(make(tmp_path, environment=shared).warnings)
    assert make(tmp_path, environment={**shared, "REDIS_URL": "redis://host"}).warnings == ()


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("providers: {a/b: {vendor: openai}}", "providers.a/b is no name for a provider"),
        ("providers: {a: {vendor: opnai}}", "is 'opnai', a vendor that Tollbar does not know. Did you mean openai?"),
        ("providers: {a: {wire: grpc, base_url: http://x}}", "is 'grpc', a protocol that Tollbar does not speak."),
        ("providers: {a: {wire: openai}}", "providers.a has a wire but no base_url"),
        ("providers: {a: {vendor: openai, wire: openai}}", "providers.a needs either vendor"),
        ("models: {m: gpt}", "models.m.targets[0] is 'gpt', which is no target. Write provider/model."),
        ("models: {m: oepnai/x}", "there is no provider 'oepnai'. Did you mean openai?"),
        ("models: {m: {}}", "models.m has no targets"),
        ("models: {m: {targets: openai/x, alias: y}}", "models.m is an alias, which has no other keys"),
        ("models: {m: {targets: openai/x, free: true, price: {input: 1, output: 1}}}", "is free and has a price"),
        ("models: {m: {alias: m}}", "models.m.alias leads back to itself"),
        ("models: {smart: openai/x, m: {alias: smrt}}", "leads to 'smrt', which is no model here. Did you mean smart?"),
        ("models: {smart: openai/x}\ndefault_model: smrt", "default_model names 'smrt', which is no model here."),
        ("models: {smart: openai/x}\nanonymous: {models: [smrt]}", "anonymous.models names 'smrt', which is no model"),
        ("limits: {routes: {generate: {rates: 5/day}}}", "limits.routes.generate is no path. Write a path such as"),
        ("limits: {routes: {'/a*b': {rates: 5/day}}}", "limits.routes./a*b is no path."),
        ("llm: {model: x}", "llm.model is set without LLM_BASE_URL"),
        ("llm: {base_url: http://x}", "llm.base_url is set without LLM_MODEL"),
    ],
)
def test_names_must_lead_somewhere(tmp_path: Path, yaml: str, said: str) -> None:
    """Providers, targets, aliases and default models that lead nowhere are faults, each told once."""
    (told,) = faults(tmp_path, yaml)
    assert said in told


def test_a_circle_of_aliases_is_told(tmp_path: Path) -> None:
    """Each alias of a circle leads back to itself; one that leads into the circle does as well."""
    told = faults(tmp_path, "models: {a: {alias: b}, b: {alias: a}, c: {alias: a}}")
    assert [line.partition("alias")[2].partition(".")[0].strip() for line in told] == ["leads back to itself"] * 3


def test_names_that_need_no_line_are_accepted(tmp_path: Path) -> None:
    """The guide, provider/model, a vendor's own name, and an OpenAI name in DEFAULT_MODEL lead somewhere."""
    yaml = "models: {a: openai/gpt-4o, b: {alias: anthropic/claude}, c: {alias: tollbar-guide}, d: tollbar-guide}\n"
    make(tmp_path, f"{yaml}default_model: a\n", environment={"DEFAULT_MODEL": "gpt-4o-mini"})
    make(tmp_path, "models: {m: llm/x}\n", environment={"LLM_BASE_URL": "http://x/v1", "LLM_MODEL": "x"})


def test_self_service_for_everybody_needs_bounds(tmp_path: Path) -> None:
    """Where other machines can connect, keys for the taking need models, and credits or limits."""
    (told,) = faults(tmp_path, "server: {host: 0.0.0.0}\nself_service: {enabled: true, credits: 5}")
    assert "would hand unlimited keys to anyone who can reach 0.0.0.0" in told
    bounded = "models: {m: openai/x}\nself_service: {enabled: true, models: [m], limits: 5/day}\n"
    make(tmp_path, f"server: {{host: 0.0.0.0}}\n{bounded}")
    make(tmp_path, "self_service: {enabled: true}", environment={"API_HOST": "::1"})


def test_what_is_probably_not_meant_is_a_warning(tmp_path: Path) -> None:
    """Open doors, secrets in the file and an unknown ENV are told, and do not stop a start."""
    yaml = "server: {host: 0.0.0.0}\nanonymous: {enabled: true}\nproviders:\n  p: {vendor: openai, api_key: hush}\n"
    settings = make(tmp_path, yaml, environment={"ENV": "staging2"})
    assert [warning.replace(f"{tmp_path}/", "") for warning in settings.warnings] == [
        "tollbar.yaml, line 4: providers.p.api_key stands in clear. Refer to it: ${NAME} or file:PATH.",
        "ENV is 'staging2', which is taken as production.",
        "anonymous.enabled lets anyone who can reach 0.0.0.0 call without a key.",
    ]
    assert not settings.is_development
