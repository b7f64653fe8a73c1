"""What the validator found, as sentences."""

from pathlib import Path

import pytest

from tests.settings.making import faults


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("server: 4", "server is 4 but must be a block of keys"),
        ("server: {host: [a]}", "server.host must be text."),
        ("server: {port: 1.5}", "server.port is 1.5 but must be a whole number."),
        ("server: {port: 70000}", "server.port is 70000 but must be 65535 or less."),
        ("debug: maybe", "debug is 'maybe' but must be true or false."),
        ("retries: {attempts: 0}", "retries.attempts is 0 but must be 1 or more."),
        ("ledger: {durability: powr}", "ledger.durability is 'powr' but must be `process` or `power`."),
        ("server: {public_url: nowhere}", "server.public_url 'nowhere' is no web address"),
        ("tiers: {gold: {}}", "tiers.gold.cost is missing."),
        ("tiers: {gold: {cost: 1, prize: 2}}", "tiers.gold.prize is no setting. Known here: cost, weight."),
        ("anonymous: {limits: 10}", "anonymous.limits is 10 but must be a list"),
        ("limits: {per_address: [1/day, 5/weak]}", "limits.per_address[1] '5/weak' is no rate"),
        ("models: {a: []}", "models.a must be a block of keys"),
        (f"default_model: [{'x' * 100}]", "default_model must be text."),
        (f"debug: {'x' * 100}", f"debug is '{'x' * 60}'… but must be true or false."),
        ("admin_key: [x]", "admin_key must be text: ${NAME}, or file:PATH."),
    ],
)
def test_a_wrong_value_is_said_in_words(tmp_path: Path, yaml: str, said: str) -> None:
    """Type, bounds, choices, strangers and absences each have their sentence, with the value where that helps."""
    (told,) = faults(tmp_path, yaml)
    assert told.startswith(f"tollbar.yaml, line 1: {said}")


def test_the_remedy_says_what_the_setting_is_for(tmp_path: Path) -> None:
    """A value of the wrong type is answered with the setting's own text and default."""
    (told,) = faults(tmp_path, environment={"API_PORT": "http"})
    assert told == (
        "environment: API_PORT is 'http' but must be a whole number. "
        "The port to listen on; 0 lets the system choose. The default is 8000."
    )


def test_a_wrong_secret_is_never_quoted(tmp_path: Path) -> None:
    """A secret of the wrong form is told without its text."""
    (told,) = faults(tmp_path, "admin_key: 12345678901234567890")
    assert "1234567890" not in told
