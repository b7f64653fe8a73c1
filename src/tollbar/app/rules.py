"""Settings → the rules that calls come in under."""

from tollbar.edge.routes import CallRules
from tollbar.gateway.visit import Pace
from tollbar.settings import Settings
from tollbar.wire.simple import Manner, SimpleRules


def call_rules(settings: Settings) -> CallRules:
    """What the settings say of calls, for the HTTP edge."""
    given, bounds, timeouts = settings.defaults, settings.input, settings.timeouts
    return CallRules(
        simple=SimpleRules(
            max_characters=bounds.max_simple_characters,
            system_prompt=given.system_prompt,
            cloud=Manner(given.temperature, None, given.max_tokens, bounds.max_simple_tokens),
            local=Manner(
                given.local_temperature, given.local_top_p, given.local_max_tokens, bounds.max_simple_local_tokens
            ),
        ),
        pace=Pace(timeouts.simple_attempt_seconds, timeouts.simple_total_seconds),
        max_body_bytes=bounds.max_body_bytes,
        max_simple_body_bytes=bounds.max_simple_body_bytes,
    )
