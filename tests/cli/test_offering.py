"""`tollbar models`: what is offered, and with --check what can be reached."""

from collections.abc import Iterator

import pytest

from tests.cli.running import Terminal
from tests.journeys.stand import provider
from tests.upstream import FakeUpstream

YAML = """
providers:
  lab: {wire: openai, base_url: "%s"}
  dead: {wire: openai, base_url: "http://127.0.0.1:9/v1"}
models:
  good: lab/ok
  both: {targets: [lab/ok, dead/x], multiplier: 3, context: 8000, free: true}
  nick: {alias: both}
default_model: good
"""


@pytest.fixture(scope="module")
def up() -> Iterator[FakeUpstream]:
    """A provider."""
    with provider() as up:
        yield up


@pytest.fixture
def configured(terminal: Terminal, up: FakeUpstream) -> Terminal:
    """A terminal with two providers, of which one is dead."""
    (terminal.directory / "tollbar.yaml").write_text(YAML % up.url)
    return terminal


def test_models_are_listed(configured: Terminal, up: FakeUpstream) -> None:
    """Name, targets, place, context, price; aliases; nobody is called."""
    before = len(up.journal)
    lines = configured.good("models").out.splitlines()
    assert [line.split() for line in lines] == [
        ["MODEL", "TARGET", "WHERE", "CONTEXT", "INPUT", "PER", "MILLION", "OUTPUT", "PER", "MILLION", "CREDITS"],
        ["tollbar-guide", "tollbar/tollbar-guide", "local", "131,072", "free", "free"],
        ["good", "(default)", "lab/ok", "cloud", "unknown"],
        ["both", "lab/ok", "cloud", "8,000", "free", "free", "3", "times"],
        ["dead/x", "cloud", "8,000", "free", "free"],
        ["nick", "stands", "for", "both"],
    ]
    assert len(up.journal) == before


def test_models_are_listed_for_programs(configured: Terminal) -> None:
    """The same as JSON."""
    value = configured.good("models", "--json").value
    assert (value["default_model"], value["aliases"], value["open_providers"]) == ("good", {"nick": "both"}, [])
    assert [(model["model"], [target["target"] for target in model["targets"]]) for model in value["models"]] == [
        ("tollbar-guide", ["tollbar/tollbar-guide"]),
        ("good", ["lab/ok"]),
        ("both", ["lab/ok", "dead/x"]),
    ]
    assert value["models"][2]["multiplier"] == 3


def test_a_check_calls_each_target_once(configured: Terminal, up: FakeUpstream) -> None:
    """Two models share one; the dead one fails with its reason and remedy, and the status is 1."""
    before = len(up.journal)
    said = configured.run("models", "--check", "--json")
    assert said.status == 1
    found = {(row["model"], row["target"]): row for row in said.value}
    assert [row["ok"] for row in said.value] == [True, True, True, False]
    dead = found["both", "dead/x"]
    assert dead["fault"] != ""
    assert "base_url" in dead["remedy"]
    assert found["good", "lab/ok"]["milliseconds"] >= 1
    assert [(entry.method, entry.model) for entry in list(up.journal)[before:]] == [("POST", "ok")]
    assert said.err == "tollbar: 1 of 4 cannot be reached.\n"


def test_a_check_that_finds_nothing_wrong(terminal: Terminal, up: FakeUpstream) -> None:
    """A table, and status 0."""
    (terminal.directory / "tollbar.yaml").write_text(
        f'providers: {{lab: {{wire: openai, base_url: "{up.url}"}}}}\nmodels: {{good: lab/ok}}\n'
    )
    lines = terminal.good("models", "--check").out.splitlines()
    assert lines[0].split() == ["MODEL", "TARGET", "STATE", "LATENCY", "CONTEXT"]
    assert [line.split()[2] for line in lines[1:]] == ["ok", "ok"]


def test_what_nobody_configured_is_not_called(terminal: Terminal, up: FakeUpstream) -> None:
    """A provider with a key and no models is asked for its list, and for nothing else."""
    before = len(up.journal)
    environment = {"OPENAI_API_KEY": "sk-0123456789", "OPENAI_BASE_URL": up.url, "DEFAULT_MODEL": "tollbar-guide"}
    found = terminal.good("models", "--check", "--json", environment=environment).value
    rows = {row["target"]: row["ok"] for row in found}
    assert rows["openai/*"] is True
    assert [(entry.method, entry.path) for entry in list(up.journal)[before:]] == [("GET", "/v1/models")]
