"""The section on alerts."""

from pathlib import Path

import pytest

from tests.app.making import settings_of
from tollbar.settings import SettingsError

SECRET = "whsec_" + "A" * 43 + "="


def test_what_can_be_set(tmp_path: Path) -> None:
    """One threshold may be written without its list; by default there are none."""
    assert settings_of(tmp_path).alerts.at == ()
    text = f"alerts: {{at: 80, url: 'https://hooks.example/x', secret: '{SECRET}'}}\n"
    alerts = settings_of(tmp_path, text).alerts
    assert (alerts.at, alerts.url, alerts.secret and alerts.secret.reveal()) == (
        (80,),
        "https://hooks.example/x",
        SECRET,
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{at: [often]}", "alerts.at[0] is 'often' but must be a whole number. The thresholds of every allowance"),
        ("{keys: {ana: often}}", "alerts.keys.ana[0] is 'often' but must be a whole number. The same for every"),
        ("{keys: {ana: [80, 0]}}", "alerts.keys.ana[1] is 0 but must be 1 or more."),
        ("{teams: [lab]}", "alerts.teams must be a block of names, each with a list of whole numbers."),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, complaint: str) -> None:
    """By its place, with what may stand there."""
    with pytest.raises(SettingsError) as refusal:
        settings_of(tmp_path, f"alerts: {text}\n")
    assert complaint in str(refusal.value.faults[0])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("alerts: {at: [0]}", "alerts.at"),
        ("alerts: {url: 'https://a'}", "alerts.secret"),
        ("alerts: {secret: short, url: 'https://a'}", "alerts.secret"),
    ],
)
def test_what_cannot(tmp_path: Path, text: str, name: str) -> None:
    """A threshold of nothing, a webhook without a signature, a secret that is none."""
    with pytest.raises(SettingsError) as refusal:
        settings_of(tmp_path, text)
    assert any(fault.key.startswith(name) for fault in refusal.value.faults)
