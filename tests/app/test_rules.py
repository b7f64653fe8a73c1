"""The settings reach the addresses that they are about."""

from pathlib import Path

from tests.settings.making import make
from tollbar.app.rules import call_rules
from tollbar.edge.routes import USUAL_CALL_RULES, CallRules
from tollbar.gateway.visit import Pace
from tollbar.wire.simple import Manner, SimpleRules


def test_without_settings_the_usual_rules_hold(tmp_path: Path) -> None:
    """What the documents say of an installation that says nothing."""
    assert call_rules(make(tmp_path)) == USUAL_CALL_RULES


def test_each_setting_has_its_place(tmp_path: Path) -> None:
    """No two of them are mixed up."""
    yaml = """\
input:
  {max_body_bytes: 1, max_simple_body_bytes: 2, max_simple_characters: 3, max_simple_tokens: 4,
   max_simple_local_tokens: 5}
defaults:
  {temperature: 0.1, max_tokens: 6, system_prompt: "S", local_temperature: 0.2, local_top_p: 0.3, local_max_tokens: 7}
timeouts: {simple_total_seconds: 8}
"""
    rules = call_rules(make(tmp_path, yaml, environment={"REQUEST_TIMEOUT": "9"}))
    assert rules == CallRules(SimpleRules(3, "S", Manner(0.1, None, 6, 4), Manner(0.2, 0.3, 7, 5)), Pace(9, 8), 1, 2)
