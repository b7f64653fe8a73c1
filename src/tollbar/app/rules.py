"""Settings → the rules that calls come in under."""

from tollbar.edge.routes import CallRules
from tollbar.gateway.visit import Pace
from tollbar.settings import Settings
from tollbar.wire.simple import Manner, SimpleRules


def call_rules(settings: Settings) -> CallRules:
    """What the settings say of calls, for the HTTP edge."""
    cloud = Manner(
        temperature=settings.defaults.temperature,
        top_p=None,
        tokens=settings.defaults.max_tokens,
        most_tokens=settings.input.max_simple_tokens,
    )
    local = Manner(
        temperature=settings.defaults.local_temperature,
        top_p=settings.defaults.local_top_p,
        tokens=settings.defaults.local_max_tokens,
        most_tokens=settings.input.max_simple_local_tokens,
    )
    return CallRules(
        simple=SimpleRules(settings.input.max_simple_characters, settings.defaults.system_prompt, cloud, local),
        pace=Pace(settings.timeouts.simple_attempt_seconds, settings.timeouts.simple_total_seconds),
        max_body_bytes=settings.input.max_body_bytes,
        max_simple_body_bytes=settings.input.max_simple_body_bytes,
    )
