"""`tollbar routes`, and how a plan is told."""

from decimal import Decimal

import pytest

from tests.cli.running import Terminal
from tests.providers.local.making import shelve
from tollbar.cli.explaining import describe_plan, say_plan
from tollbar.domain.catalogue import Model, Plan, Target
from tollbar.domain.money import FREE, PriceCard, Rate

CARD = PriceCard("2026-11-20", Rate(2_500_000), Rate(10_000_000))
TARGETS = (
    Target("main", "gpt-4o", CARD, context_tokens=128_000),
    Target("lab", "qwen3", FREE),
    Target("other", "x"),
)
PLAN = Plan(
    Model("smart", TARGETS, multiplier=Decimal(3)),
    TARGETS,
    "in the order of the file",
    (("old/x", "carries no images"),),
)


def test_a_plan_is_told_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """The targets in their order with context and price, and what was left out and why."""
    say_plan(PLAN)
    assert capsys.readouterr().out.splitlines() == [
        "smart, at 3 times the credits of a call: in the order of the file",
        "",
        "   TARGET       CONTEXT         INPUT PER MILLION  OUTPUT PER MILLION",
        "1  main/gpt-4o  128,000 tokens  $2.5               $10",
        "2  lab/qwen3                    free               free",
        "3  other/x                      price unknown",
        "",
        "LEFT OUT  BECAUSE",
        "old/x     carries no images",
    ]


def test_a_plan_for_programs() -> None:
    """The same as plain values."""
    described = describe_plan(PLAN)
    assert (described["model"], described["multiplier"], described["reason"]) == (
        "smart",
        Decimal(3),
        "in the order of the file",
    )
    assert described["skipped"] == [{"target": "old/x", "reason": "carries no images"}]
    targets = described["targets"]
    assert isinstance(targets, list)
    assert [target["target"] for target in targets] == ["main/gpt-4o", "lab/qwen3", "other/x"]


def test_a_model_is_explained(terminal: Terminal) -> None:
    """Where a call would go, from the settings alone, for people and for programs."""
    yaml = "providers: {lab: {wire: openai, base_url: 'http://127.0.0.1:9/v1'}}\n"
    yaml += "models: {smart: {targets: [lab/a, lab/b], multiplier: 2}, nick: {alias: smart}}\n"
    (terminal.directory / "tollbar.yaml").write_text(yaml)
    lines = terminal.good("explain", "nick").out.splitlines()
    assert lines[0].startswith("smart, at 2 times the credits of a call: ")
    assert [line.split()[1] for line in lines[3:5]] == ["lab/a", "lab/b"]
    plan = terminal.good("explain", "smart", "--json").value
    assert [target["target"] for target in plan["targets"]] == ["lab/a", "lab/b"]
    said = terminal.run("explain", "smrt")
    assert (said.status, said.err.startswith("tollbar: The model 'smrt' is not configured here.")) == (1, True)
    assert not (terminal.directory / "data").exists()


def test_a_key_s_models_are_minded(terminal: Terminal) -> None:
    """With a key, what it may not use is refused as it would be in a call."""
    terminal.good("keys", "create", "--name", "bot", "--models", "other")
    said = terminal.run("explain", "tollbar-guide", "--key", "bot")
    assert (said.status, "may not use the model 'tollbar-guide'" in said.err) == (1, True)
    terminal.good("keys", "update", "bot", "--models", "*")
    assert "tollbar/tollbar-guide" in terminal.good("explain", "tollbar-guide", "--key", "bot").out


def test_routes_are_listed(terminal: Terminal) -> None:
    """Method, path, who may use it and what it does, for people and for programs."""
    lines = terminal.good("routes").out.splitlines()
    assert lines[0].split()[:3] == ["METHOD", "PATH", "ACCESS"]
    rows = {tuple(line.split()[:3]) for line in lines}
    assert {("POST", "/v1/chat/completions", "key"), ("GET", "/health", "public")} <= rows
    listed = terminal.good("routes", "--json").value
    assert len(listed) == len(lines) - 1
    assert set(listed[0]) == {"method", "path", "access", "text"}


def test_what_was_pulled_is_explained(terminal: Terminal) -> None:
    """Like any other model."""
    shelve(terminal.directory / "data" / "models")
    assert "local/tiny" in terminal.good("explain", "tiny").out
